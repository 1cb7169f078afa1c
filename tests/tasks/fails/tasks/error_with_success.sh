#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo '{"_error": {"msg": "not as it seems"}}'
