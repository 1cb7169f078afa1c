# SPDX-License-Identifier: Apache-2.0
"""A gateway in a process of its own: its hosts work through it, and outlive whatever ends beside them."""

import json
import ssl

import certificates
import pytest
import raw
from process import wait_until
from region import Agent, Gateway


def names(region):
    return {g["name"] for g in region.api.get("/v1/region")["gateways"]}


def behind(agent, gateway):
    """Waits until the agent's link is held by the gateway."""
    wait_until(lambda: agent.info().get("gateway") == gateway.name, f"{agent.name} is at {gateway.name}")


@pytest.fixture
def gateway(region):
    return region.add_gateway("edge")


@pytest.fixture
def agents(region, gateway):
    added = region.add_agents("a", "b", "c", gateways=[gateway])
    for agent in added:
        behind(agent, gateway)
    return added


def waiting_run(region, agents, tmp_path):
    """A run under way on all, that ends once the gate is there; (run, gate, mark)."""
    gate, mark = tmp_path / "gate", tmp_path / "mark"
    run = region.order("", f"echo begun >> {mark}; while [ ! -e {gate} ]; do sleep 0.05; done; hostname")
    for agent in agents:
        region.in_state(run["id"], agent, "running")
    return run, gate, mark


def all_done_once(region, run, agents, mark):
    targets = region.finished(run["id"], deadline=120)
    for agent in agents:
        assert targets[agent.id]["state"] == "succeeded", targets[agent.id]
    assert mark.read_text() == "begun\n" * len(agents)  # each did it once


def test_hosts_work_through_the_gateway(region, gateway, agents):
    run = region.order("", "echo here; exit 3")
    for target in region.finished(run["id"]).values():
        assert (target["state"], target["exit_code"], target["stdout"]) == ("failed", 3, "here\n")
    links = {g["name"]: g["links"] for g in region.api.get("/v1/region")["gateways"]}
    assert links["edge"] == 3
    text = gateway.get("/metrics")[1]
    assert 'muster_gateway_links{gateway="edge"} 3' in text and "# TYPE muster_gateway_links gauge" in text
    assert gateway.get("/healthz") == (200, "ok\n") and gateway.get("/v1/hosts")[0] == 404
    assert "edge" in region.cli("gateways", "list", check=0).stdout


def test_large_result_crosses_the_gateway(region, agents):
    run = region.order(f"id={agents[0].id}", "head -c 30000000 /dev/zero", limits={"output_bytes_max": 40_000_000})
    assert region.finished(run["id"])[agents[0].id]["stdout_bytes"] == 30_000_000
    assert region.output(run["id"], agents[0]) == bytes(30_000_000)


def test_cancel_crosses_the_gateway(region, agents):
    run = region.order("", "sleep 600")
    for agent in agents:
        region.in_state(run["id"], agent, "running")
    region.api.post(f"/v1/runs/{run['id']}/cancel")
    assert {t["state"] for t in region.finished(run["id"]).values()} == {"cancelled"}


def test_gateway_killed_in_mid_run(region, gateway, agents, tmp_path):
    run, gate, mark = waiting_run(region, agents, tmp_path)
    gateway.process.kill()
    gate.touch()  # the work ends while nobody can be told
    gateway.start()
    all_done_once(region, run, agents, mark)


def test_gateway_killed_for_good_hosts_log_in_at_the_server(region, gateway, agents, tmp_path):
    run, gate, mark = waiting_run(region, agents, tmp_path)
    gateway.process.kill()
    gate.touch()
    all_done_once(region, run, agents, mark)
    assert {agent.info()["gateway"] for agent in agents} == {"main"}


def test_server_stopped_and_started_again(region, gateway, agents, tmp_path):
    run, gate, mark = waiting_run(region, agents, tmp_path)
    assert region.server.stop() == 0
    wait_until(lambda: gateway.get("/readyz")[0] == 503, "the gateway says that it has no server")
    gate.touch()
    region.restart()
    gateway.ready()
    all_done_once(region, run, agents, mark)
    for agent in agents:
        agent.online(deadline=120)
        behind(agent, gateway)
        assert region.do(agent, "echo again")["stdout"] == "again\n"


def test_server_killed_in_mid_run(region, gateway, agents, tmp_path):
    run, gate, mark = waiting_run(region, agents, tmp_path)
    region.server.kill()
    gate.touch()
    region.restart()
    all_done_once(region, run, agents, mark)


def test_stop_sends_hosts_away(region, gateway, agents):
    assert gateway.process.stop() == 0
    for agent in agents:
        wait_until(lambda a=agent: a.info().get("gateway") == "main", f"{agent.name} is at the server")
    wait_until(lambda: names(region) == {"main"}, "the gateway is gone")
    gateway.start()
    assert region.do(agents[0], "echo fine")["stdout"] == "fine\n"


def refused(at, certificate, key, path):
    """Whether a link with this certificate is refused, at whatever layer."""
    try:
        link = raw.Link(at, certificate, key, path)
        return link.status != 101 or link.receive()[0] == 8  # a WebSocket's close frame
    except (OSError, ssl.SSLError, ConnectionError):
        return True


def test_only_gateways_pass_the_gateways_door(region, gateway, tmp_path):
    agent = region.add_agent("a", start=False)
    assert refused(region, agent.files / "agent.pem", agent.files / "agent.key", "/region")
    ca, ca_key = certificates.authority(tmp_path)
    forged = certificates.leaf(tmp_path, gateway.files / "gateway.key", ca, ca_key,
                               certificates.uri_of(gateway.files / "gateway.pem"))
    assert refused(region, forged, gateway.files / "gateway.key", "/region")
    assert refused(gateway, gateway.files / "gateway.pem", gateway.files / "gateway.key", "/link")
    assert names(region) <= {"main", "edge"}


def test_frames_before_the_hello_are_refused(region, gateway):
    gateway.process.stop()
    link = raw.Link(region, gateway.files / "gateway.pem", gateway.files / "gateway.key", "/region")
    link.send_frame(2)  # LinkUp
    opcode, payload = link.receive()
    assert opcode == 8 and b"before GatewayHello" in payload


def test_revoked_gateway_is_cut_off(region, gateway, agents):
    region.cli("gateways", "revoke", "edge", "--yes", check=0)
    gateway.process.said("this gateway is revoked")
    wait_until(lambda: "edge" not in names(region), "the gateway is gone", 1)
    for agent in agents:
        wait_until(lambda a=agent: a.info().get("gateway") == "main", f"{agent.name} is at the server", 120)
    assert [e["object"] for e in region.audit("gateway.revoke")] == ["edge"]
    again = Gateway(region, "twin")
    region.gateways.append(again)
    process = again.launch(region.join_token(role="gateway"), name="edge")
    assert process.ended() != 0 and "revoked" in process.output()


def test_tokens_are_for_one_kind(region):
    gateway_token, host_token = region.join_token(role="gateway"), region.join_token()
    roles = {t["role"] for t in region.api.get("/v1/join-tokens")["tokens"]}
    assert roles == {"gateway", "endpoint"}
    gateway = Gateway(region, "edge")
    region.gateways.append(gateway)
    process = gateway.launch(host_token)
    assert process.ended() != 0 and "this token is for a host" in process.output()
    agent = Agent(region, "a")
    region.agents.append(agent)
    ran = agent.enrol(gateway_token, check=False)
    assert ran.returncode != 0 and "this token is for a gateway" in ran.stderr
    assert [t["uses_left"] for t in region.api.get("/v1/join-tokens")["tokens"]] == [1, 1]
    assert not list(region.api.pages("/v1/hosts", "hosts"))
    assert "muster gateway --server" in region.cli("token", "create", "--gateway", check=0).stdout


def test_what_a_wrong_start_says(region, gateway):
    lost = Gateway(region, "lost")
    region.gateways.append(lost)
    process = lost.launch()
    assert process.ended() != 0 and "muster token create --gateway" in process.output()
    taken = Gateway(region, "taken")
    region.gateways.append(taken)
    process = taken.launch(region.join_token(role="gateway"), name="main")
    assert process.ended() != 0 and "choose another name" in process.output()


def test_certificate_renews_by_itself(region, gateway, tmp_path):
    """A certificate in its last third is replaced, and keeps name and addresses."""
    gateway.process.stop()
    files, ca = gateway.files, region.state / "server"
    old = certificates.leaf(tmp_path, files / "gateway.key", ca / "ca.pem", ca / "ca.key",
                            certificates.uri_of(files / "gateway.pem") + ",DNS:edge.example,IP:192.0.2.7",
                            hours=(-100, 4), usage="clientAuth,serverAuth")
    before = certificates.serial(old)
    (files / "gateway.pem").write_text(old.read_text())
    gateway.start()
    wait_until(lambda: certificates.serial(files / "gateway.pem") != before, "the certificate is renewed")
    renewed = certificates.text(files / "gateway.pem", "-ext", "subjectAltName")
    assert "DNS:edge.example" in renewed and "192.0.2.7" in renewed and "/gateway/edge" in renewed
    assert region.audit("gateway.renew")
    assert json.loads((files / "gateway.json").read_text())["server"] == gateway.server
    gateway.process.stop()
    gateway.start()  # with the new one


def test_one_process_per_folder_and_one_name_per_folder(region, gateway):
    second = gateway.process
    assert gateway.launch().ended() != 0 and "another gateway" in gateway.process.output()
    second.stop()
    assert gateway.launch(name="other").ended() != 0 and "is named edge" in gateway.process.output()
