#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
printf "caf\351\n"
