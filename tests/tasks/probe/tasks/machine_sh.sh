#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
printf '{"built_for": "any", "machine": "%s"}\n' "$(uname -m)"
