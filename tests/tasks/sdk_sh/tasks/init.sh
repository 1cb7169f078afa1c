#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC1091
. "$PT__installdir/muster_sdk/files/muster.sh"
count=$(muster_arg count)
name=$(muster_arg name)
muster_progress 40 "waiting for \"go\""
go=$(muster_arg go '')
if [ -n "$go" ]; then until [ -e "$go" ]; do sleep 0.05; done; fi
muster_log warning "a line of the log" '{"count":1}'
run=$(muster_call run.describe) || exit 1
note=$(cat "$(muster_fetch sdk_sh/files/note.txt)")
muster_call certificate.renew 2>/dev/null && muster_fail "methods must not ask for certificates"
printf '{"count":%s,"name":%s,"note":%s,"run":%s}\n' "$((count + 1))" "$(muster_json "$name")" "$(muster_json "$note")" "$run"
