#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
printf '{"system": "%s", "machine": "%s"}\n' "$(uname -s)" "$(uname -m)"
