# SPDX-License-Identifier: Apache-2.0
"""Everything that changes something is in the audit log, and the log cannot be edited unseen."""

import json
import sqlite3

import pytest


def act(region):
    """One of each change; the actions that must be in the log."""
    agent = region.add_agent("a")
    region.do(agent, "true")
    region.api.call("PATCH", f"/v1/hosts/{agent.id}", {"labels": {"set": {"a": "b"}}})
    region.api.post("/v1/users", {"name": "anna", "password": "correct horse", "role": "viewer"})
    region.api.call("PATCH", "/v1/users/anna", {"role": "operator"})
    region.api.login("anna", "correct horse")
    region.api.with_token(None).exchange("POST", "/v1/login", {"user": "anna", "password": "wrong"})
    token = region.api.post("/v1/api-tokens", {"name": "t"})
    region.api.call("DELETE", f"/v1/api-tokens/{token['id']}")
    region.api.post(f"/v1/hosts/{agent.id}/revoke")
    region.api.call("DELETE", "/v1/users/anna")
    return agent


def test_every_change_is_logged_with_its_actor(region):
    act(region)
    actions = {e["action"] for e in region.audit()}
    wanted = {"join_token.create", "endpoint.enrol", "run.create", "host.label", "user.create", "user.change",
              "user.remove", "session.create", "login.refuse", "api_token.create", "api_token.remove"}
    assert wanted <= actions, f"missing: {wanted - actions}; there are {sorted(actions)}"
    assert any(action.endswith(".revoke") for action in actions)
    assert all(e["actor"] for e in region.audit())
    text = json.dumps(region.audit())
    assert "correct horse" not in text and region.api.token not in text


def test_pages_and_order(region):
    act(region)
    entries, before = [], None
    while True:
        page = region.api.get("/v1/audit", limit=3, before=before)
        entries += page["entries"]
        before = page["next"]
        if before is None:
            break
    numbers = [e["seq"] for e in entries]
    assert numbers == list(range(len(numbers), 0, -1))


@pytest.mark.parametrize("edit", ["change", "delete"])
def test_edited_log_is_found_out(region, edit):
    act(region)
    verified = region.api.get("/v1/audit/verify")
    assert verified["ok"] and verified["head"]
    assert region.server.stop() == 0
    with sqlite3.connect(region.database) as database:
        with pytest.raises(sqlite3.Error):  # by mistake nobody edits it
            database.execute("DELETE FROM access_audit WHERE seq=3")
        database.execute("DROP TRIGGER access_audit_no_update")
        database.execute("DROP TRIGGER access_audit_no_delete")
        if edit == "change":
            database.execute("UPDATE access_audit SET actor='nobody' WHERE seq=3")
        else:
            database.execute("DELETE FROM access_audit WHERE seq=3")
    region.restart()
    verified = region.api.get("/v1/audit/verify")
    assert not verified["ok"] and verified["broken_at"] in (3, 4)
    ran = region.cli("audit", "verify")
    assert ran.returncode != 0 and str(verified["broken_at"]) in ran.stdout + ran.stderr


def test_reading_is_not_logged(region):
    before = len(region.audit())
    region.api.get("/v1/hosts")
    region.api.get("/metrics")
    assert len(region.audit()) == before
