#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo '{"_error": {"kind": "fails/own", "msg": "it is full", "details": {"free": 0}}, "free": 0}'
exit 2
