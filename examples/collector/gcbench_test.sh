#!/bin/bash
# SPDX-License-Identifier: MIT
# gcbench as its user sees it. Argument: gcbench.
set -u

gcbench=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# expect CODE PATTERN ARGUMENTS: its exit code is CODE, and a line of what it prints
# matches PATTERN.
expect()
{
    local code=$1 pattern=$2
    shift 2
    "$gcbench" "$@" > "$scratch/output" 2>&1
    local got=$?
    if [ "$got" != "$code" ] || ! grep -q -e "$pattern" "$scratch/output"; then
        echo "gcbench $*: exit code $got, expected $code and a line with: $pattern"
        cat "$scratch/output"
        failures=$((failures + 1))
    fi
}

for workload in trees lists; do
    for memory in mapper keep bare; do
        expect 0 '^good: [1-9][0-9]* collections' --memory $memory --scale 3 $workload
    done
done
expect 0 'mapped .* space "heap"' --dump --scale 1 lists
expect 0 'quarantined .* misc "heap mark stack"' --dump --scale 1 lists
expect 0 'mapped .* side-metadata "heap metadata"' --dump --scale 1 lists

expect 2 '^usage: gcbench'
expect 2 'one workload: lists' trees lists
expect 2 'no such workload: rings' rings
expect 2 'no such memory: core' --memory core trees
expect 2 '^gcbench: --threads wants.*0' --threads 0 trees
expect 2 '^gcbench: --scale wants.*-1' --scale -1 trees
expect 2 'no such option.*--frob' --frob trees
expect 2 'gcbench: --dump wants a mapper' --memory bare --dump trees
expect 0 '^usage: gcbench' --help

exit $((failures > 0))
