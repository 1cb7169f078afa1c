#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # arguments are PT_ variables
case "$PT_language" in
  de) word=Hallo ;;
  fr) word=Bonjour ;;
  *) word=Hello ;;
esac
count=${PT_times:-1}
while [ "$count" -gt 0 ]; do
  printf '%s, %s!\n' "$word" "$PT_name"
  count=$((count - 1))
done
