#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import json
import os
import sys

given = json.load(sys.stdin)
total = sum(given["numbers"])
if given.get("limit") is not None and total > given["limit"]:
    print(json.dumps({"_error": {"kind": "sum/too-much", "msg": f"{total} is too much",
                                 "details": {"total": total}}}))
    sys.exit(3)
print(json.dumps({"total": total, "count": len(given["numbers"]),
                  "environment": sorted(n for n in os.environ if n.startswith("PT_"))}))
