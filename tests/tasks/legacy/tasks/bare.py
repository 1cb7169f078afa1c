# SPDX-License-Identifier: Apache-2.0
import os

print(f"{os.environ['PT__task']} runs")
