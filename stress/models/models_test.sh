#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs a script of this folder: the rules for Python are not among Debian's.
set -euo pipefail
script=$1
shift
exec /usr/bin/python3 -B "stress/models/$script" "$@"
