#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo "no such thing" >&2
exit 1
