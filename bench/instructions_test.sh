#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions of the hot paths against the checked-in ones.
set -euo pipefail
exec /usr/bin/python3 -B tools/instructions.py bench/counted bench/instructions.txt
