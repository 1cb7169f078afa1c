# SPDX-License-Identifier: Apache-2.0
"""Schedules: fired once, by hand, in time, on login; in their author's name; and bad input."""

from datetime import datetime, timedelta, timezone

import pytest
from process import wait_until
from region import Refused


@pytest.fixture
def region(shared_region):
    yield shared_region
    if shared_region.server.alive():
        for schedule in shared_region.api.get("/v1/schedules")["schedules"]:
            shared_region.api.call("DELETE", f"/v1/schedules/{schedule['name']}")


def soon(seconds=2):
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")[:-4] + "Z"


def create(region, name, trigger, api=None, **more):
    request = more.pop("request", {"selector": "all", "command": {"shell": "echo hello"}})
    return (api or region.api).post("/v1/schedules", {"name": name, "trigger": trigger, "request": request, **more})


def firings(region, name):
    return region.api.get(f"/v1/schedules/{name}/firings")["firings"]


def settled(region, name, count=1):
    """Waits until so many firings have ended; newest first."""
    wait_until(lambda: len([f for f in firings(region, name) if f["state"] != "ordering"]) >= count,
               f"{name} has fired {count} times")
    return firings(region, name)


def test_once_at_an_instant(region):
    agent = region.add_agent("a")
    made = create(region, "once", {"at": soon()})
    assert made["next"] == [made["trigger"]["at"]]
    fired = settled(region, "once")
    assert [(f["state"], f["cause"], f["due"]) for f in fired] == [("ordered", "time", made["trigger"]["at"])]
    assert region.finished(fired[0]["run"])[agent.id]["stdout"] == "hello\n"
    run = region.run(fired[0]["run"])
    assert (run["created_by"], run["description"]) == ("admin", "schedule once")
    shown = region.api.get("/v1/schedules/once")
    assert shown["next"] == [] and shown["last"]["run"] == run["id"]
    assert {"schedule.create", "schedule.fire"} <= {e["action"] for e in region.audit()}


def test_whatever_ends_in_between_it_fires_once(region):
    agent = region.add_agent("a")
    made = create(region, "late", {"at": soon()}, missed="once")
    region.server.kill()
    region.start()  # due in the meantime, or just now
    fired = settled(region, "late")
    region.server.kill()
    region.start()
    assert [(f["state"], f["due"]) for f in firings(region, "late")] == [("ordered", made["trigger"]["at"])]
    assert region.finished(fired[0]["run"])[agent.id]["state"] == "succeeded"
    runs = [r for r in region.api.get("/v1/runs")["runs"] if r.get("description") == "schedule late"]
    assert [r["id"] for r in runs] == [fired[0]["run"]]


def test_by_hand_from_the_command_line(region):
    agent = region.add_agent("a")
    cli = region.cli
    made = cli("schedule", "create", "patch", "--cron", "0 3 * * sun", "--zone", "Europe/Berlin",
               "--jitter", "10m", "--missed", "once", "--blackout", "12-20..01-06", "--in-blackout", "wait",
               "--on", "all", "--", "echo", "two words", check=0).stdout
    assert "0 3 * * sun  Europe/Berlin" in made and "up to 10m" in made and "wait for the end" in made
    run = cli("schedule", "fire", "patch", check=0).stdout.strip()
    assert region.finished(run)[agent.id]["stdout"] == "two words\n"
    shown = cli("schedule", "show", "patch", check=0).stdout
    assert run in shown and "hand" in shown and "ordered" in shown
    listed = cli("schedule", check=0).stdout
    assert "patch" in listed and "echo 'two words'" in listed
    cli("schedule", "disable", "patch", check=0)
    assert "disabled" in cli("schedule", "list", check=0).stdout
    assert region.api.get("/v1/schedules/patch")["next"] == []
    cli("schedule", "enable", "patch", check=0)
    assert len(region.api.get("/v1/schedules/patch")["next"]) == 5
    assert "already" in cli("schedule", "create", "patch", "--cron", "@daily", "--on", "all", "--ping").stderr
    cli("schedule", "create", "patch", "--replace", "--cron", "@daily", "--on", "all", "--ping", check=0)
    assert region.api.get("/v1/schedules/patch")["trigger"] == {"cron": "@daily"}
    assert len(firings(region, "patch")) == 1  # its history is kept
    cli("schedule", "remove", "patch", check=0)
    assert "no schedule 'patch'" in cli("schedule", "show", "patch").stderr
    assert "muster schedule create" in cli("schedule", check=0).stderr


def test_preview(region):
    shown = region.cli("schedule", "preview", "30 2 * * *", "--zone", "Europe/Berlin", "--count", "3", check=0).stdout
    assert shown.count("T02:30:00") == 3 and shown.startswith("Europe/Berlin")
    wrong = region.cli("schedule", "preview", "0 25 * * *", check=2).stderr
    assert "column 3: hour: 25 is not between 0 and 23\n  0 25 * * *\n    ^" in wrong
    assert "no time zone 'Berlin'" in region.cli("schedule", "preview", "@daily", "--zone", "Berlin").stderr


def test_on_login_only_where_it_matches(region):
    one = region.add_agent("one", labels={"site": "a"})
    other = region.add_agent("other", labels={"site": "b"})
    create(region, "welcome", {"on": "login", "at_most_every_ms": 0},
           request={"selector": "site=a", "command": {"shell": "echo welcome"}})
    create(region, "boot", {"on": "boot"})
    for agent in (one, other):
        agent.process.stop()
        agent.offline()
        agent.start()
    fired = settled(region, "welcome")
    assert [f["cause"] for f in fired] == ["login"]
    targets = region.finished(fired[0]["run"])
    assert list(targets) == [one.id] and targets[one.id]["stdout"] == "welcome\n"
    assert firings(region, "boot") == []  # these machines run since before it was made


def test_in_its_authors_name(region):
    a = region.add_agent("a", labels={"site": "a"})
    region.add_agent("b", labels={"site": "b"})
    region.api.post("/v1/users", {"name": "ada", "password": "correct horse", "role": "operator",
                                  "selector": "site=a"})
    ada = region.api.login("ada", "correct horse")
    create(region, "hers", {"cron": "@daily"}, api=ada)
    create(region, "ours", {"cron": "@daily"})
    assert [s["name"] for s in ada.get("/v1/schedules")["schedules"]] == ["hers"]
    for path, method in (("ours", "GET"), ("ours", "DELETE"), ("ours/fire", "POST"), ("ours/firings", "GET")):
        with pytest.raises(Refused) as hidden:
            ada.call(method, f"/v1/schedules/{path}")
        assert hidden.value.status == 404
    run = region.api.post("/v1/schedules/hers/fire")["run"]  # the administrator reaches no more
    assert list(region.finished(run)) == [a.id]
    assert region.run(run)["created_by"] == "ada"

    region.api.call("PATCH", "/v1/users/ada", {"role": "viewer"})
    with pytest.raises(Refused) as denied:
        region.api.post("/v1/schedules/hers/fire")
    assert denied.value.status == 409 and "may not order runs any more" in denied.value.message
    with pytest.raises(Refused) as denied:
        ada.post("/v1/schedules/hers/fire")
    assert denied.value.status == 403
    region.api.call("DELETE", "/v1/users/ada")
    with pytest.raises(Refused) as gone:
        region.api.post("/v1/schedules/hers/fire")
    assert "no user any more" in gone.value.message
    last = region.api.get("/v1/schedules/hers")["last"]
    assert last["state"] == "failed" and "no user any more" in last["reason"]
    assert "schedule.fail" in {e["action"] for e in region.audit()}


def test_nobody_matches_is_a_failed_firing(region):
    create(region, "nobody", {"at": soon()}, request={"selector": "role=none", "ping": {}})
    fired = settled(region, "nobody")
    assert fired[0]["state"] == "failed" and "no host matches 'role=none'" in fired[0]["reason"]


@pytest.mark.parametrize("body, told", [
    ({}, "'name' is required"),
    ({"name": "a/b"}, "'name' must be letters"),
    ({"name": "preview"}, "not 'preview'"),
    ({"name": "x", "request": {"selector": "all", "ping": {}}}, "'trigger' is required"),
    ({"name": "x", "trigger": {"cron": "@daily"}}, "'request' is required"),
    ({"trigger": {}}, "exactly one of 'cron', 'at' and 'on'"),
    ({"trigger": {"cron": "@daily", "on": "boot"}}, "exactly one of"),
    ({"trigger": {"cron": "0 3 * * funday"}}, "column 9: day of week: 'funday'"),
    ({"trigger": {"cron": "0 0 30 2 *"}}, "never fires"),
    ({"trigger": {"at": "tomorrow"}}, "is no time; write"),
    ({"trigger": {"at": "2020-01-01T00:00Z"}}, "has passed already"),
    ({"trigger": {"on": "logout"}}, "\"login\" or \"boot\""),
    ({"trigger": {"cron": "@daily", "at_most_every_ms": 5}}, "belongs to"),
    ({"zone": "Europe/Atlantis"}, "no time zone 'Europe/Atlantis'"),
    ({"jitter_ms": 86400001}, "'jitter_ms' must be"),
    ({"jitter_ms": 86400000}, "shorter than the time between two firings"),
    ({"blackouts": ["sometimes"]}, "'sometimes' is no blackout window"),
    ({"blackouts": ["mon-sun"]}, "every firing lies in one of the windows"),
    ({"missed": "perhaps"}, "'missed' must be"),
    ({"in_blackout": "hide"}, "'in_blackout' must be"),
    ({"request": {"selector": "os=", "ping": {}}}, "request: "),
    ({"request": {"selector": "all"}}, "request: "),
    ({"request": {"selector": "all", "command": {"shell": "x" * 66000}}}, "larger than 64 KiB"),
    ({"colour": "red"}, "no member 'colour'"),
])
def test_bad_input(region, body, told):
    whole = {"name": "x", "trigger": {"cron": "@daily"}, "request": {"selector": "all", "ping": {}}}
    sent = body if "name" in body or not body else {**whole, **body}
    with pytest.raises(Refused) as refused:
        region.api.post("/v1/schedules", sent)
    assert refused.value.status == 400 and told in refused.value.message, refused.value.message
    assert region.api.get("/v1/schedules")["schedules"] == []


def test_the_command_line_tells_what_is_wrong(region):
    for words, told in (
            ([], "NAME is missing"),
            (["x", "--on", "all", "--ping"], "when is missing"),
            (["x", "--cron", "@daily", "--on-boot", "--on", "all", "--ping"], "only one of --cron"),
            (["x", "--cron", "@daily", "--ping"], "--on SELECTOR is missing"),
            (["x", "--cron", "@daily", "--on", "all"], "what to run is missing"),
            (["x", "--cron", "0 3 * * funday", "--on", "all", "--ping"], "  0 3 * * funday\n          ^"),
            (["x", "--cron", "@daily", "--on", "os=", "--ping"], "request: "),
            (["x", "--cron", "@daily", "--missed", "perhaps", "--on", "all", "--ping"], "none of skip, once, all"),
            (["x", "--cron", "@daily", "--at-most-every", "1h", "--on", "all", "--ping"], "belongs to --on-login")):
        ran = region.cli("schedule", "create", *words, check=2)
        assert told in ran.stderr, ran.stderr
