# SPDX-License-Identifier: Apache-2.0
"""Methods start runs on other hosts: within what was granted, as a tree, no longer than themselves."""

import json
import re

import pytest
from process import wait_until
from region import Refused
from test_method_runs import TASKS, publish_script

CALL = r"""
ask() {
  printf '{"type":"call","id":1,"name":"%s","body":%s}\n' "$1" "$2" >&8
  IFS= read -r line <&8 || kill $$  # nobody answers any more
  printf '%s\n' "$line"
}
"""
# Once the file `before` is there, starts what its arguments say and prints each answer; stays until `go` is there.
STARTER = CALL + r"""
if [ -n "$PT_before" ]; then until [ -e "$PT_before" ]; do sleep 0.05; done; fi
for request in "$PT_first" "$PT_second"; do
  [ -z "$request" ] || ask "${PT_call:-run.start}" "$request"
done
if [ -n "$PT_go" ]; then until [ -e "$PT_go" ]; do sleep 0.05; done; fi
"""
ALL = {"methods": ["starter", "leaf", "chained"], "commands": True, "selector": "all"}


@pytest.fixture(scope="module")
def chains(lasting_region, tmp_path_factory):
    """The region, with methods published, and two hosts that stay."""
    region, folder = lasting_region, tmp_path_factory.mktemp("chains")

    def method(*words, check=0):
        return region.cli("method", *words, check=check,
                          environment={"MUSTER_PUBLISHING_KEY": str(folder / "key.pem")})

    method("key", "--trust")
    publish_script(method, folder, "starter", STARTER)
    publish_script(method, folder, "leaf", "echo \"leaf of $PT_name\"; "
                   "if [ -n \"$PT_go\" ]; then until [ -e \"$PT_go\" ]; do sleep 0.05; done; fi")
    # Starts itself on the next host of the list, and answers with what that one said.
    publish_script(method, folder, "chained", CALL + r"""
next=${PT_hosts%% *}; rest=${PT_hosts#"$next"}; rest=${rest# }
[ -n "$next" ] || { echo "the end"; exit 0; }
said=$(ask run.start "{\"selector\":\"name=$next\",\"method\":{\"name\":\"chained\",\"arguments\":{\"hosts\":\"$rest\"}}}")
case $said in *'"error"'*) printf '%s\n' "$said"; exit 0 ;; esac
run=${said#*'"run":"'}; run=${run%%'"'*}
until ask run.wait "{\"run\":\"$run\"}" | grep -q '"state":"finished"'; do :; done
ask run.result "{\"run\":\"$run\"}"
""")
    publish_script(method, folder, "flood", CALL + r"""
started=0
while :; do
  said=$(ask run.start '{"selector":"name=db1","command":{"argv":["true"]}}')
  case $said in
    *'"code":"limit","message":"too many calls'*) sleep 0.3 ;;
    *'"code":"'*) code=${said#*'"code":"'}; break ;;
    *) started=$((started + 1)) ;;
  esac
done
printf '{"started":%s,"refused":"%s"}' "$started" "${code%%'"'*}"
""")
    for depth in range(6):
        publish_script(method, folder, "deeper", CALL + r"""
said=$(ask run.start '{"selector":"name=ctl1","method":{"name":"deeper::dN"}}')
case $said in *'"code"'*) printf '%s\n' "$said"; exit 0 ;; esac
run=${said#*'"run":"'}; run=${run%%'"'*}
until ask run.wait "{\"run\":\"$run\"}" | grep -q '"state":"finished"'; do :; done
""".replace("dN", f"d{depth}"), task=f"d{depth - 1}" if depth else "init")
    for agent in region.add_agents("ctl1", "db1"):
        agent.process.keep()
    return region


@pytest.fixture
def region(chains):
    for name in ("ctl1", "db1"):
        agent = next(a for a in chains.agents if a.name == name)
        if not agent.process.alive():
            agent.start(wait=False)
            agent.process.keep()
        agent.online()
    return chains


def order(region, name, on="name=ctl1", chain=None, api=None, **arguments):
    body = {"selector": on, "method": {"name": name, "arguments": arguments}, **({"chain": chain} if chain else {})}
    return (api or region.api).post("/v1/runs", body)["id"]


def said(region, run):
    """The replies that the run's only method printed."""
    target, = region.finished(run).values()
    assert target["state"] == "succeeded", target
    return [json.loads(line) for line in target["stdout"].splitlines()]


def request(on, name="leaf", **more):
    arguments = more.pop("arguments", {"name": "x"})
    return json.dumps({"selector": on, "method": {"name": name, "arguments": arguments}, **more})


def tree(region, run):
    return {r["id"]: r for r in region.api.get(f"/v1/runs/{run}/tree")["runs"]}


def test_a_chain_brings_its_answers_back(region):
    run = order(region, "chained", chain=ALL, hosts="db1 ctl1")
    target, = region.finished(run).values()
    # ctl1 asks db1; db1 may not ask ctl1 for the same method again, and says why.
    assert target["state"] == "succeeded" and "a loop: chained runs on" in target["stdout"], target["stdout"]
    runs = tree(region, run)
    child, = [r for r in runs.values() if "parent" in r]
    agent = next(a for a in region.agents if a.name == "ctl1")
    assert child["parent"] == {"run": run, "endpoint": agent.id, "name": "ctl1", "root": run, "depth": 1}
    assert child["created_by"] == "admin" and child["selector"] == "name=db1"
    assert region.run(run)["children"] == [child["id"]]
    entry = next(e for e in region.audit("run.create") if e["object"] == child["id"])
    assert entry["detail"]["parent"] == run, entry
    shown = region.cli("runs", "tree", child["id"], check=0).stdout
    assert re.search(rf"^{run}  chained .*\n└─ {child['id']}  chained .* on name=db1, by ctl1  1 succeeded  <$",
                     shown, re.M), shown
    assert "Started by   run " + run in region.cli("runs", "show", child["id"], check=0).stdout
    assert "Has started  1 run" in region.cli("runs", "show", run, check=0).stdout


def test_nothing_is_started_that_was_not_granted(region):
    only = {"methods": ["leaf"], "selector": "name=db1"}
    cases = [
        (None, request("name=db1"), "denied", "may start nothing further"),
        (only, request("name=db1", "starter"), "denied", "not among what this run may start (leaf on name=db1)"),
        (only, json.dumps({"selector": "name=db1", "command": {"shell": "id"}}), "denied", "a command is not among"),
        (only, request("name=ctl1"), "conflict", "no host matches"),
        (only, request("name=db1 or"), "invalid", "selector is wrong"),
        (only, request("name=db1", chain={"commands": True, "selector": "all"}), "invalid", "takes no 'chain'"),
        (only, '{"selector":"name=db1"}', "invalid", "exactly one of"),
        (only, '{"method":{"name":"leaf"}}', "invalid", "on which hosts"),
        (only, '{"selector":"name=db1","method":{"name":"leaf"},"key":7}', "invalid", "key must be"),
        (only, '[7]', "invalid", ""),
        (only, 'null', "invalid", ""),
    ]
    for chain, body, code, why in cases:
        reply, = said(region, order(region, "starter", chain=chain, first=body))
        assert reply["error"]["code"] == code and why in reply["error"]["message"], (body, reply)
    for call in ("run.wait", "run.result"):
        foreign = region.order("name=db1", "true")["id"]
        reply, = said(region, order(region, "starter", chain=only, call=call, first=json.dumps({"run": foreign})))
        assert reply["error"]["code"] == "not_found", reply
    for bad in ({"selector": "all"}, {"methods": ["leaf"], "selector": ""}, {"methods": ["a b"], "selector": "all"},
                {"methods": ["leaf"], "selector": "x ="}):
        with pytest.raises(Refused) as refused:
            order(region, "starter", chain=bad)
        assert refused.value.status == 400, bad
    with pytest.raises(Refused, match="a command starts nothing"):
        region.order("all", "true", chain=ALL)
    assert "--may-start-on SELECTOR is missing" in region.cli(
        "method", "run", "starter", "--on", "name=ctl1", "--may-start", "leaf", check=2).stderr


def test_a_start_is_made_once_and_children_are_known(region):
    first = request("name=db1", key="one")
    run = order(region, "starter", chain=ALL, first=first, second=first)
    one, again = said(region, run)
    assert one["body"]["run"] == again["body"]["run"] and again["body"]["repeated"]
    assert len(tree(region, run)) == 2
    other, = said(region, order(region, "starter", chain=ALL, call="run.children", first="null"))
    assert other["body"] == {"children": []}


def test_children_end_with_what_started_them(region, tmp_path):
    go = tmp_path / "go"
    leaf = request("name=db1", arguments={"name": "x", "go": str(go)})
    # The method ends by itself.
    ended = order(region, "starter", chain=ALL, first=leaf)
    child = said(region, ended)[0]["body"]["run"]
    target, = region.finished(child).values()
    assert target["state"] in ("failed", "cancelled"), target
    told = region.run(child)
    assert told["cancelled_by"] == "system" and "has ended" in told["cancelled"]["reason"], told
    # Its run is cancelled, and so is all below it.
    deep = request("name=db1", "starter", arguments={"first": request("name=ctl1", arguments={
        "name": "deep", "go": str(go)}), "go": str(go)})
    run = order(region, "starter", chain=ALL, first=deep, go=str(go))
    wait_until(lambda: len(tree(region, run)) == 3, "the whole tree goes on")
    for one in tree(region, run):
        wait_until(lambda one=one: region.run(one)["counts"]["running"] == 1, f"{one} runs")
    region.api.post(f"/v1/runs/{run}/cancel")
    for one in tree(region, run):
        region.finished(one)
    runs = tree(region, run)
    assert [r["cancelled_by"] for r in runs.values()] == ["admin"] * 3, runs
    assert sorted(r.get("parent", {}).get("depth", 0) for r in runs.values()) == [0, 1, 2]


def test_the_starters_rights_are_those_of_now(region, tmp_path):
    def change(user, **how):
        region.api.call("PATCH", f"/v1/users/{user}", how)

    cases = {
        "bea": (lambda: change("bea", role="viewer"), "denied", "may not start runs any more"),
        "bob": (lambda: region.api.call("DELETE", "/v1/users/bob"), "denied", "is no user any more"),
        "cat": (lambda: change("cat", selector="name=ctl1"), "conflict", "no host matches"),
    }
    runs = {}
    for name in cases:
        region.api.post("/v1/users", {"name": name, "password": "a long password", "role": "operator"})
        runs[name] = order(region, "starter", chain=ALL, first=request("name=db1"), before=str(tmp_path / name),
                           api=region.api.login(name, "a long password"))
        wait_until(lambda name=name: region.run(runs[name])["counts"]["running"] == 1, "it runs")
    for name, (withdraw, code, why) in cases.items():
        withdraw()
        (tmp_path / name).touch()
        reply, = said(region, runs[name])
        assert reply["error"]["code"] == code and why in reply["error"]["message"], (name, reply)
    # Who is narrowed to some hosts grants no others, whatever the grant says.
    narrow = region.api.login("cat", "a long password")
    reply, = said(region, order(region, "starter", chain=ALL, api=narrow, first=request("name=db1")))
    assert reply["error"]["code"] == "conflict", reply


def test_bounds(region):
    many = order(region, "flood", chain=ALL)
    target, = region.finished(many).values()
    assert target["state"] == "succeeded", target
    assert (target["result"]["started"], target["result"]["refused"]) == (32, "limit"), target
    assert len(tree(region, many)) == 33
    deep = order(region, "deeper", chain={"methods": [f"deeper::d{n}" for n in range(6)], "selector": "all"})
    region.finished(deep)
    runs = tree(region, deep)
    assert len(runs) == 5, runs
    depths = sorted(r.get("parent", {}).get("depth", 0) for r in runs.values())
    assert depths == [0, 1, 2, 3, 4]


def test_a_server_that_dies_in_between_forgets_nothing(region, tmp_path):
    go = tmp_path / "go"
    leaf = request("name=db1", arguments={"name": "x", "go": str(go)}, key="k")
    run = order(region, "starter", chain=ALL, first=leaf, go=str(go))
    wait_until(lambda: len(tree(region, run)) == 2, "it has a child")
    child, = region.run(run)["children"]
    wait_until(lambda: region.run(child)["counts"]["running"] == 1, "the child runs")
    region.server.kill()
    region.start()
    region.server.keep()
    for agent in region.agents:
        agent.online()
    assert region.run(child)["state"] == region.run(run)["state"] == "running"
    go.touch()
    target, = region.finished(run).values()
    assert target["state"] == "succeeded", target
    target, = region.finished(child).values()
    assert target["state"] in ("succeeded", "failed", "cancelled"), target
    assert len(tree(region, run)) == 2


def test_the_libraries_start_runs_too(region, tmp_path):
    def method(*words, check=0):
        return region.cli("method", *words, check=check, environment={"MUSTER_PUBLISHING_KEY": str(tmp_path / "key.pem")})

    method("key", "--trust")
    for module in ("chain_sh", "chain_python"):
        method("publish", str(TASKS / module))
        shown = method("run", module, "--on", "name=ctl1", "--may-start", "leaf", "--may-start-on", "name=db1", "--json",
                       "on=db1").stdout
        run = json.loads(shown)
        target, = run["targets"]
        assert target["result"] == {"said": "leaf of " + module}, target
        assert len(tree(region, run["run"]["id"])) == 2
    refused = method("run", "chain_sh", "--on", "name=ctl1", "on=db1", check=1)
    assert "may not be started" in refused.stdout + refused.stderr, refused
