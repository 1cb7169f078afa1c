#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # arguments are PT_ variables
noop=false
if [ "$PT__noop" = true ]; then
  noop=true
else
  printf '%s' "$PT_ensure" >"$PT_file"
fi
printf '{"by": "shell", "noop": %s, "ensure": "%s"}\n' "$noop" "$PT_ensure"
