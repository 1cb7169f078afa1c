#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
head -c 100000 /dev/zero | tr "\\0" x
