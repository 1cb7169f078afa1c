# SPDX-License-Identifier: Apache-2.0
"""Methods are published from folders, signed on this side, versioned, compared and removed."""

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from api import Refused

TASKS = Path(__file__).resolve().parents[1] / "tasks"


@pytest.fixture
def publisher(region, tmp_path):
    """The command line with a publishing key of its own."""

    def run(*words, check=0, key="key.pem"):
        return region.cli("method", *words, check=check,
                          environment={"MUSTER_PUBLISHING_KEY": str(tmp_path / key)})

    return run


def trusted(publisher):
    publisher("key", "--trust", "--note", "a test")
    return publisher


def test_publish_list_show_diff_use_remove(region, publisher, tmp_path):
    trusted(publisher)
    published = publisher("publish", str(TASKS / "service_state")).stdout
    assert "service_state::set 0-" in published and "service_state::set_sh" in published
    assert "set_rb" not in published  # only an implementation

    listed = region.api.get("/v1/methods")
    assert [m["name"] for m in listed["methods"]] == ["service_state::set"]  # set_sh is private
    assert len(region.api.get("/v1/methods", private="true")["methods"]) == 2

    publisher("publish", str(TASKS / "greet"))
    shown = region.api.get("/v1/methods/greet")
    assert (shown["name"], shown["version"], shown["current"]) == ("greet", "1.4.2", True)
    assert [(p["name"], p["expected"], p["required"]) for p in shown["parameters"]] == [
        ("name", "text that is not empty", True),
        ("language", "one of 'en', 'de', 'fr'", False),
        ("times", "a whole number from 1 to 10, or nothing", False)]
    assert shown["parameters"][1]["choices"] == ["en", "de", "fr"]
    text = publisher("show", "greet").stdout
    assert "Greets somebody" in text and "may be left out" in text and "1.4.2" in text

    module = tmp_path / "greet"
    shutil.copytree(TASKS / "greet", module)
    metadata = json.loads((module / "tasks/init.json").read_text())
    metadata["parameters"]["shout"] = {"type": "Boolean", "default": False}
    (module / "tasks/init.json").write_text(json.dumps(metadata))
    assert "another package" in publisher("publish", str(module), check=None).stderr  # 1.4.2 is taken
    publisher("publish", str(module), "--version", "2.0", "--not-current")
    assert region.api.get("/v1/methods/greet")["version"] == "1.4.2"
    assert "+ parameter shout: Boolean = false" in publisher("diff", "greet", "@2.0").stdout
    publisher("use", "greet@2.0")
    assert region.api.get("/v1/methods/greet")["version"] == "2.0"
    assert publisher("remove", "greet@2.0", check=None).returncode != 0  # current, and not the last
    publisher("remove", "greet@1.4.2")
    publisher("remove", "greet", "--all")
    with pytest.raises(Refused) as gone:
        region.api.get("/v1/methods/greet")
    assert gone.value.status == 404
    actions = [entry["action"] for entry in region.audit()]
    assert {"publishing_key.trust", "method.publish", "method.mark_current",
            "method.remove"} <= set(actions)


def test_only_a_trusted_key_publishes(region, publisher):
    unknown = publisher("key").stdout.split()[1]
    refused = publisher("publish", str(TASKS / "sum"), check=None)
    assert refused.returncode != 0 and "trusts no publishing key yet" in refused.stderr
    trusted(publisher)
    publisher("publish", str(TASKS / "sum"))
    publisher("key", key="other.pem")
    refused = publisher("publish", str(TASKS / "motd"), check=None, key="other.pem")
    assert refused.returncode != 0 and "this region does not trust" in refused.stderr
    publisher("key", "distrust", unknown)
    assert publisher("publish", str(TASKS / "motd"), check=None).returncode != 0
    assert region.api.get("/v1/publishing-keys")["keys"] == []


def test_signed_on_a_machine_that_is_never_online(region, publisher, tmp_path):
    signed = tmp_path / "signed"
    key = publisher("key").stdout  # made there
    publisher("sign", str(TASKS / "motd"), "--to", str(signed))
    assert len(list(signed.iterdir())) == 1
    (tmp_path / "public.pem").write_text(key)
    nothing = "no-such-key.pem"
    publisher("key", "trust", str(tmp_path / "public.pem"), key=nothing)
    publisher("publish", str(TASKS / "motd"), "--signed", str(signed), key=nothing)
    files = region.api.get("/v1/methods/motd::write")["files"]
    assert [f["path"] for f in files] == [
        "motd/files/banners/kind.txt", "motd/files/banners/plain.txt", "motd/tasks/write.sh",
        "textkit/files/footer.txt", "textkit/lib/textkit/text.sh"]


def test_mistakes_have_file_and_line(region, publisher):
    trusted(publisher)
    told = publisher("publish", str(TASKS / "fails"), check=None)
    assert told.returncode != 0
    assert "wrong.json:3:19: 'input_method' must be" in told.stderr
    assert "missing.json:3:14: there is no implementation 'missing_sh.sh'" in told.stderr
    assert "more than one executable (two_ways.bash, two_ways.sh)" in told.stderr
    assert region.api.get("/v1/methods")["methods"] == []  # nothing at all was published
    assert publisher("publish", str(TASKS / "fails"), "--task", "silent").returncode == 0


def test_the_server_trusts_no_client(region, publisher):
    """What the command line would never send."""
    trusted(publisher)
    publisher("publish", str(TASKS / "sum"))
    key = region.api.get("/v1/publishing-keys")["keys"][0]["id"]
    with pytest.raises(Refused) as forged:
        region.api.post("/v1/methods", {"manifest": base64.b64encode(b"x").decode(),
                                        "signature": base64.b64encode(b"y").decode(), "key": key})
    assert forged.value.status == 403
    body = b"some bytes"
    digest = hashlib.sha256(body).hexdigest()
    assert region.api.post("/v1/content/missing", {"objects": [digest]})["missing"] == [digest]
    for path, data, status in [(f"/v1/content/{digest}", b"other bytes", 400),
                               (f"/v1/content/{digest}", body, 201),
                               (f"/v1/content/{digest}", body, 200),
                               ("/v1/content/nonsense", body, 400)]:
        answer = region.api.exchange("PUT", path, data,
                                     headers={"Content-Type": "application/octet-stream"})
        assert answer[0] == status, path
    assert region.api.post("/v1/content/missing", {"objects": [digest]})["missing"] == []
    with pytest.raises(Refused) as none:
        region.api.post("/v1/publishing-keys", {"public_key_pem": "nonsense"})
    assert none.value.status == 400
