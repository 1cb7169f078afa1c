# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
echo 'never run: no task can be called so'
