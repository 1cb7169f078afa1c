# SPDX-License-Identifier: Apache-2.0
"""A revoked machine is cut within a second and does not come back."""

import shutil
import time

import pytest
import raw
from process import wait_until
from region import Refused


def test_revoked_host_loses_its_link_within_a_second_and_stays_out(region):
    agent, other = region.add_agents("bad", "good")
    started = time.monotonic()
    region.api.post(f"/v1/hosts/{agent.id}/revoke")
    wait_until(lambda: not agent.is_online(), "the link is closed", deadline=1.0)
    assert time.monotonic() - started < 2.0  # a second, and what the API itself takes
    assert agent.info()["state"] == "revoked"
    agent.process.said("revoked")

    agent.process.stop()
    agent.start(wait=False)
    agent.process.said("revoked")
    assert not agent.is_online()
    with pytest.raises(Refused) as caught:
        region.do(agent, "true")
    assert caught.value.status == 409 and "revoked" in caught.value.message
    assert set(region.finished(region.order("", "true")["id"])) == {other.id}
    other.online()
    assert any(e["action"].endswith(".revoke") and agent.id in e["object"] for e in region.audit())


def test_revoked_certificate_gets_goodbye_or_no_handshake(region):
    agent = region.add_agent("a")
    agent.process.stop()
    region.api.post(f"/v1/hosts/{agent.id}/revoke")
    try:
        link = raw.Link(region, agent.files / "agent.pem", agent.files / "agent.key")
    except (OSError, ConnectionError):
        return  # refused in the handshake
    if link.status == 101:
        link.send_frame(raw.HELLO, raw.hello())
        assert link.goodbye()[0] == 2  # GOODBYE_REVOKED
    else:
        assert link.status == 403


def test_removed_host_may_enrol_again(region):
    agent = region.add_agent("a")
    region.api.call("DELETE", f"/v1/hosts/{agent.id}")
    wait_until(lambda: region.api.get("/v1/hosts")["total"] == 0, "the host is gone")
    agent.process.stop()
    shutil.rmtree(agent.files)
    agent.enrol()
    agent.start()
