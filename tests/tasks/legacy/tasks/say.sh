# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
echo "legacy says $PT_word"
