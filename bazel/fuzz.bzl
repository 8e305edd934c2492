# SPDX-License-Identifier: MIT
"""cc_fuzz_test: a fuzz target in the shape of rules_fuzzing.

cc_fuzz_test(name = "NAME") declares

    NAME            cc_test: every file of the corpus through the target, no libFuzzer
    NAME_bin        libFuzzer binary with ASan and UBSan, dependencies included
    NAME_plain_bin  libFuzzer binary with coverage only: for figures of executions/s
    NAME_run        `bazel run //fuzz:NAME_run -- -max_total_time=10` runs NAME_bin with
                    corpus, dictionary and a corpus folder that the next run continues
    NAME_corpus     the checked-in corpus
    NAME_dict       the dictionary, when there is one

A copt on the binary alone would leave the code under test without coverage and
without checks, so the binaries are built behind a configuration transition that sets
the options for all they depend on. All but NAME are tagged manual: `bazel test //...`
builds each target once, without sanitizers.
"""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_test")
load(":sim.bzl", "SIM_FAST", "SIM_LINKOPTS", "SIM_LTO", "sim_test")
load(":transitioned.bzl", "ALLOWLIST", "link_to_binary")

_COVERAGE = ["-fsanitize=fuzzer-no-link", "-gline-tables-only"]

# Without callbacks for comparisons: units that are choices, not text, gain nothing from
# them, and they are a third of the time.
_NO_COMPARISONS = ["-fno-sanitize-coverage=trace-cmp,indirect-calls"]

_COPTS = {
    "plain": _COVERAGE + _NO_COMPARISONS,
    "sanitized": _COVERAGE + [
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-fno-omit-frame-pointer",
    ],
}

_SIM_COPTS = {
    "plain": ["-DMMAPPER_ATOMIC_SIM"] + SIM_FAST,
    "sanitized": _NO_COMPARISONS + SIM_LTO + [
        "-DMMAPPER_ATOMIC_SIM",
        # Every fiber of every run would get a fake stack, and none is given back.
        "-fsanitize-address-use-after-return=never",
    ],
}

_LINKOPTS = {
    "plain": [],
    "sanitized": ["-fsanitize=address,undefined"],
}

def _instrument_impl(settings, attr):
    return {
        "//command_line_option:copt": settings["//command_line_option:copt"] +
                                      _COPTS[attr.mode] +
                                      (_SIM_COPTS[attr.mode] if attr.sim else []),
        "//command_line_option:linkopt": settings["//command_line_option:linkopt"] +
                                         _LINKOPTS[attr.mode] +
                                         (SIM_LTO if attr.sim else []),
    }

_instrument = transition(
    implementation = _instrument_impl,
    inputs = ["//command_line_option:copt", "//command_line_option:linkopt"],
    outputs = ["//command_line_option:copt", "//command_line_option:linkopt"],
)

_instrumented_binary = rule(
    implementation = link_to_binary,
    attrs = {
        "binary": attr.label(
            cfg = _instrument,
            executable = True,
            mandatory = True,
        ),
        "mode": attr.string(mandatory = True, values = _COPTS.keys()),
        "sim": attr.bool(),
        "_allowlist_function_transition": ALLOWLIST,
    },
    executable = True,
)

# State lives where `tools/harness fuzz` keeps it, so both continue the same corpus.
# Arguments that are files are replayed alone, as libFuzzer does with files only.
_LAUNCHER = """#!/bin/bash
# Runs {name} on its corpus; see bazel/fuzz.bzl.
set -euo pipefail
bin=$(realpath {bin})
seeds=()
for folder in {folders}; do seeds+=("$(realpath "$folder")"); done
dict={dict}
if [ -n "$dict" ]; then dict=$(realpath "$dict"); fi
state="${{BUILD_WORKSPACE_DIRECTORY:-${{TMPDIR:-/tmp}}}}/.harness/fuzz/{name}"
mkdir -p "$state/corpus" "$state/crashes"
symbolizer=/usr/lib/llvm-19/bin/llvm-symbolizer
if [ -x "$symbolizer" ]; then
    export ASAN_SYMBOLIZER_PATH="${{ASAN_SYMBOLIZER_PATH:-$symbolizer}}"
fi
cd "${{BUILD_WORKING_DIRECTORY:-.}}"
for argument in "$@"; do
    case "$argument" in
    -*) ;;
    *) if [ -f "$argument" ]; then exec "$bin" "$@"; fi ;;
    esac
done
exec "$bin" ${{dict:+"-dict=$dict"}} "-artifact_prefix=$state/crashes/" "$@" \\
    "$state/corpus" "${{seeds[@]}}"
"""

def _fuzz_run_impl(ctx):
    folders = {file.short_path.rpartition("/")[0]: None for file in ctx.files.corpus}
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        output = script,
        content = _LAUNCHER.format(
            name = ctx.attr.target_name,
            bin = ctx.executable.binary.short_path,
            folders = " ".join(folders.keys()),
            dict = ctx.file.dict.short_path if ctx.file.dict else "''",
        ),
        is_executable = True,
    )
    runfiles = ctx.runfiles(files = ctx.files.corpus + ctx.files.dict)
    runfiles = runfiles.merge(ctx.attr.binary[DefaultInfo].default_runfiles)
    return [DefaultInfo(
        executable = script,
        runfiles = runfiles.merge(ctx.runfiles(files = [ctx.executable.binary])),
    )]

_fuzz_run = rule(
    implementation = _fuzz_run_impl,
    attrs = {
        "binary": attr.label(cfg = "target", executable = True, mandatory = True),
        "corpus": attr.label(allow_files = True, mandatory = True),
        "dict": attr.label(allow_single_file = True),
        "target_name": attr.string(mandatory = True),
    },
    executable = True,
)

def cc_fuzz_test(
        name,
        srcs,
        corpus,
        deps = [],
        dict = None,
        copts = [],
        size = "small",
        tags = [],
        test_srcs = [],
        test_args = [],
        test_data = [],
        fuzz_srcs = [],
        sim = False,
        **kwargs):
    """Declares a fuzz target.

    Args:
      name: of the target; all others derive from it.
      srcs: define LLVMFuzzerTestOneInput, as //fuzz/fuzz_target.h declares it.
      corpus: checked-in inputs, at least one.
      deps: the code under test.
      dict: a libFuzzer dictionary.
      copts: for srcs.
      size: of the test over the corpus.
      tags: of the test over the corpus.
      test_srcs: of the test alone, with a main() instead of standalone_main's.
      test_args: of the test, before the corpus.
      test_data: of the test, for test_args.
      fuzz_srcs: of the libFuzzer binaries alone, such as a mutator.
      sim: every atomic operation is simulated; see //bazel:sim.bzl.
      **kwargs: for the test and the binaries.
    """
    if not corpus:
        fail("cc_fuzz_test(name = \"%s\"): the corpus has no file" % name)

    native.filegroup(name = name + "_corpus", srcs = corpus)
    if dict:
        native.filegroup(name = name + "_dict", srcs = [dict])

    main = [] if test_srcs else ["//fuzz:standalone_main"]
    args = test_args + ["$(rootpaths :%s_corpus)" % name]
    data = test_data + [":%s_corpus" % name]
    sim_linkopts = SIM_LINKOPTS if sim else []
    local_defines = ["MMAPPER_ATOMIC_SIM"] if sim else []
    if sim:
        cc_binary(
            name = name + "_in_sim",
            testonly = True,
            srcs = srcs + test_srcs,
            copts = copts,
            linkopts = sim_linkopts,
            local_defines = local_defines,
            tags = ["manual"],
            visibility = ["//visibility:private"],
            deps = deps + main + ["//fuzz:fuzz_target"],
            **kwargs
        )
        sim_test(
            name = name,
            size = size,
            binary = ":%s_in_sim" % name,
            arguments = args,
            data = data,
            tags = tags,
        )
    else:
        cc_test(
            name = name,
            size = size,
            srcs = srcs + test_srcs,
            args = args,
            copts = copts,
            data = data,
            tags = tags,
            deps = deps + main + ["//fuzz:fuzz_target"],
            **kwargs
        )
    cc_binary(
        name = name + "_libfuzzer",
        testonly = True,
        srcs = srcs + fuzz_srcs,
        copts = copts,
        linkopts = sim_linkopts + ["-fsanitize=fuzzer"],
        local_defines = local_defines,
        tags = ["manual"],
        visibility = ["//visibility:private"],
        deps = deps + ["//fuzz:fuzz_target"],
        **kwargs
    )
    for suffix, mode in [("_bin", "sanitized"), ("_plain_bin", "plain")]:
        _instrumented_binary(
            name = name + suffix,
            testonly = True,
            binary = ":%s_libfuzzer" % name,
            mode = mode,
            sim = sim,
            tags = ["manual"],
        )
    _fuzz_run(
        name = name + "_run",
        testonly = True,
        binary = ":%s_bin" % name,
        corpus = ":%s_corpus" % name,
        dict = ":%s_dict" % name if dict else None,
        tags = ["manual"],
        target_name = name,
    )
