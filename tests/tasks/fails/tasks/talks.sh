#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo "half of it"
echo "went wrong" >&2
exit 4
