#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import os
import sys

given = json.load(sys.stdin)
assert os.environ["PT_old"] == given["old"]
assert json.loads(os.environ["PT_options"]) == given["options"]
text = given["old"] + given["token"]
for _ in range(given["options"]["rounds"]):
    text = hashlib.sha256(text.encode()).hexdigest()
print(json.dumps({"length": given["options"].get("length", 16), "_output": "rotated",
                  "_sensitive": {"new": text[: given["options"].get("length", 16)]}}))
