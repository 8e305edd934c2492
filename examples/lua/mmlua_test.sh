#!/bin/bash
# SPDX-License-Identifier: MIT
# mmlua as its user sees it: what it prints, what it says when something is wrong, and
# with which exit code. Arguments: mmlua, and the programs.
set -u

mmlua=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

program()
{
    printf '%s\n' "$1" > "$scratch/program.lua"
}

# expect CODE PATTERN ARGUMENTS: runs mmlua; its exit code is CODE, and a line of what it
# prints matches PATTERN.
expect()
{
    local code=$1 pattern=$2
    shift 2
    "$mmlua" "$@" > "$scratch/output" 2>&1
    local got=$?
    if [ "$got" != "$code" ] || ! grep -q -e "$pattern" "$scratch/output"; then
        echo "mmlua $*: exit code $got, expected $code and a line with: $pattern"
        cat "$scratch/output"
        failures=$((failures + 1))
    fi
}

for file in "$@"; do
    limit=()
    case $file in
        */limits.lua) limit=(--limit 4000000) ;;
    esac
    if ! "$mmlua" "${limit[@]}" "$file" | cmp - "${file%.lua}.expected"; then
        echo "mmlua ${limit[*]} $file: not what was expected"
        failures=$((failures + 1))
    fi
done

program 'print(1 + 1, "a\0b" == "a\0b", nil)'
expect 0 $'^2\ttrue\tnil$' "$scratch/program.lua"
expect 0 $'^2\ttrue\tnil$' --immortal --threads 3 "$scratch/program.lua"
[ "$(grep -c '^2' "$scratch/output")" = 3 ] || { echo "three threads print three times"; failures=1; }

program 'local t = {} for i = 1, 1e9 do t[i] = i end'
expect 1 '^mmlua: lua-0: not enough memory' --limit 1000000 "$scratch/program.lua"
expect 1 "the heap's own limit" --limit 1000000 "$scratch/program.lua"
expect 1 "the immortal state's own limit" --limit 1000000 --immortal "$scratch/program.lua"
expect 1 '^mmlua: lua-0: not enough memory' --limit 1000000 --malloc "$scratch/program.lua"
expect 1 '^mmlua: lua-0: not enough memory for a state' --limit 1 "$scratch/program.lua"

# A limit of the system is Lua's error too, and says which one it was. The sanitizers'
# own memory is beyond any such limit.
if ! grep -q -a -E '__[at]san_init' "$mmlua"; then
    (ulimit -d 250000 && expect 1 'RLIMIT_DATA' "$scratch/program.lua"; exit $failures)
    failures=$?
fi

program 'local function f(x) error("on purpose " .. x) end f(5)'
expect 1 'program.lua:1: on purpose 5' "$scratch/program.lua"
expect 1 'in local .f.' "$scratch/program.lua"
program 'x ='
expect 1 'unexpected symbol near' "$scratch/program.lua"
expect 1 'no/such.lua' no/such.lua

program 'kept = ("x"):rep(1000000)'
expect 0 'mapped .* space "lua-0"' --dump "$scratch/program.lua"
expect 0 'mapped .* freelist "lua-1"' --dump --threads 2 "$scratch/program.lua"
expect 0 'mapped .* misc "lua-0 slabs"' --dump "$scratch/program.lua"
expect 0 'mapped .* immortal "lua-0"' --dump --immortal "$scratch/program.lua"

expect 2 '^usage: mmlua'
expect 2 '^mmlua: no such option.*--frob' --frob "$scratch/program.lua"
expect 2 '^mmlua: --limit wants.*12k' --limit 12k "$scratch/program.lua"
expect 2 '^mmlua: --threads wants.*65' --threads 65 "$scratch/program.lua"
expect 2 '^mmlua: --immortal or --malloc' --malloc --immortal "$scratch/program.lua"
expect 0 '^usage: mmlua' --help

exit $((failures > 0))
