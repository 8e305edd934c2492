#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The binary interface of libmmapper.so against the checked-in baseline: its symbols, and
# the types that a program sees through the headers.
#
#   abi.sh check LIBRARY TAR BASELINE    exit code 1, and the difference, if it is not equal
#   abi.sh update LIBRARY TAR BASELINE   writes the baseline anew, in the workspace
#
# LIBRARY has debug information, TAR is the installed tree: what its headers do not define
# is private, and may change.
set -euo pipefail

[ $# = 4 ] || {
    echo "usage: abi.sh check|update LIBRARY TAR BASELINE" >&2
    exit 2
}
command=$1 library=$2 tar=$3 baseline=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

tar -xf "$tar" -C "$folder" include
# No places in the sources and no names of parameters: neither is part of it.
abidw --exported-interfaces-only --drop-undefined-syms --drop-private-types \
    --no-corpus-path --no-comp-dir-path --no-show-locs --no-parameter-names \
    --type-id-style hash --headers-dir "$folder/include" --out-file "$folder/now.abi" "$library"

if [ "$command" = update ]; then
    cp "$folder/now.abi" "$BUILD_WORKSPACE_DIRECTORY/$baseline"
    echo "written: $baseline"
    exit
fi
if abidiff "$baseline" "$folder/now.abi" >"$folder/difference"; then
    exit
fi
cat "$folder/difference"
cat <<EOF

The binary interface is not that of $baseline.
  Was something added (functions, constants, types)? Then write the baseline anew:
      bazel run //packaging:update_abi
  Was something changed or removed that a release had? Then programs that are linked with
  the old library break: raise ABI in packaging/version.bzl as well.
EOF
exit 1
