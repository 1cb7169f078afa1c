#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Never chosen here: it makes its file a part of the package.
exit 1
