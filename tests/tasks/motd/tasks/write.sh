#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2154 # arguments are PT_ variables; files come along
set -eu
# Both ways that the format promises: by _installdir and by the place of this file.
. "$PT__installdir/textkit/lib/textkit/text.sh"
here=$(dirname "$0")
text=$(cat "$here/../files/banners/$PT_banner.txt")
if [ "$PT_shout" = true ]; then
  text=$(upper "$text")
fi
printf '%s\n%s\n' "$text" "$(cat "$PT__installdir/textkit/files/footer.txt")"
printf 'for %s\n' "$PT__task"
