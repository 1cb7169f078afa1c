#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154
. "$PT__installdir/muster_sdk/files/muster.sh"
request=$(printf '{"selector":%s,"method":{"name":"leaf","arguments":{"name":"chain_sh"}}}' \
  "$(muster_json "name=$(muster_arg on)")")
run=$(muster_start "$request") || muster_fail "leaf may not be started"
muster_wait "$run" || muster_fail "leaf has failed: muster runs show $run"
said=$(muster_result "$run")
said=${said#*'"stdout":"'}
printf '{"said":%s}\n' "$(muster_json "${said%%\\n*}")"
