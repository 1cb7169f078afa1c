# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
upper() {
  printf '%s' "$1" | tr '[:lower:]' '[:upper:]'
}
