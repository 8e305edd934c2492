#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs one check of tools/checks as a Bazel test. The runfile is a link to the source, so
# this finds the workspace and sees every file, also one that no BUILD file names.
set -euo pipefail
tools=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
exec /usr/bin/python3 -B "$tools/check.py" "$@"
