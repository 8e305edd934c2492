#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the unit tests of one Python file: the rules for Python are not among Debian's.
set -euo pipefail
cd tools
exec /usr/bin/python3 -B -m unittest -v "$@"
