# SPDX-License-Identifier: MIT
"""sim_binary and sim_test: programs in which every atomic operation is simulated.

The mapper and the spaces of such a program are the product's own sources, compiled once
more with the SIM backend of atomic.h: a configuration of its own, so that nothing of it
can get into the production archives. The engine that the backend calls is testonly.

    cc_binary(name = "x_in_sim", testonly = True, tags = ["manual"], deps = [...])
    sim_binary(name = "x", binary = ":x_in_sim")
    sim_test(name = "x_test", binary = ":x_in_sim", arguments = ["--all"])
"""

load("@rules_cc//cc:defs.bzl", "cc_binary")
load(":transitioned.bzl", "ALLOWLIST", "binary_of", "link_to_binary")

# The scheduler stands in for these.
SIM_LINKOPTS = [
    "-Wl,--wrap=pthread_mutex_lock",
    "-Wl,--wrap=pthread_mutex_trylock",
    "-Wl,--wrap=pthread_mutex_unlock",
    "-Wl,--wrap=sched_getcpu",
    "-pthread",
]

# With `fast`, optimized as a whole: a step crosses the product, the engine and the
# oracles in a few dozen small functions, and a fifth of its time was their calls. For
# programs that run long: linking takes its time.
SIM_LTO = ["-flto=full"]
SIM_FAST = SIM_LTO + ["-fomit-frame-pointer", "-fno-stack-protector"]

def _simulate_impl(settings, attr):
    return {
        "//command_line_option:copt": settings["//command_line_option:copt"] +
                                      ["-DMMAPPER_ATOMIC_SIM"] +
                                      (SIM_FAST if attr.fast else []),
        "//command_line_option:linkopt": settings["//command_line_option:linkopt"] +
                                         (SIM_LTO if attr.fast else []),
    }

_simulate = transition(
    implementation = _simulate_impl,
    inputs = ["//command_line_option:copt", "//command_line_option:linkopt"],
    outputs = ["//command_line_option:copt", "//command_line_option:linkopt"],
)

_BINARY = {
    "binary": attr.label(cfg = _simulate, executable = True, mandatory = True),
    "fast": attr.bool(),
    "_allowlist_function_transition": ALLOWLIST,
}

sim_binary = rule(
    implementation = link_to_binary,
    attrs = _BINARY,
    executable = True,
)

def _sim_test_impl(ctx):
    script = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        output = script,
        # EMULATOR: see //bazel/arm64:emulate.
        content = "#!/bin/bash\nexec ${{EMULATOR-}} {} {} \"$@\"\n".format(
            binary_of(ctx).short_path,
            " ".join([ctx.expand_location(word, ctx.attr.data) for word in ctx.attr.arguments]),
        ),
        is_executable = True,
    )
    return [DefaultInfo(
        executable = script,
        runfiles = ctx.runfiles(files = [binary_of(ctx)] + ctx.files.data),
    )]

_sim_test = rule(
    implementation = _sim_test_impl,
    attrs = dict(
        _BINARY,
        arguments = attr.string_list(),
        data = attr.label_list(allow_files = True),
    ),
    test = True,
)

def sim_test(name, tags = [], **kwargs):
    # Fibers on one thread: ThreadSanitizer has nothing to see there.
    _sim_test(name = name, tags = tags + ["no-tsan"], **kwargs)

def sim_cc_test(name, srcs, deps, copts = [], size = "small", **kwargs):
    """A test program of its own, simulated."""
    cc_binary(
        name = name + "_in_sim",
        testonly = True,
        srcs = srcs,
        copts = copts,
        linkopts = SIM_LINKOPTS,
        local_defines = ["MMAPPER_ATOMIC_SIM"],
        tags = ["manual"],
        visibility = ["//visibility:private"],
        deps = deps,
    )
    sim_test(name = name, size = size, binary = ":%s_in_sim" % name, **kwargs)
