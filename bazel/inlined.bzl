# SPDX-License-Identifier: MIT
"""inlined_binary: a program optimized as a whole, the library included.

    cc_binary(name = "x", ...)
    inlined_binary(name = "x_inlined", binary = ":x")
"""

_LTO = ["-flto=full"]

def _whole_impl(settings, _attr):
    return {
        "//command_line_option:copt": settings["//command_line_option:copt"] + _LTO,
        "//command_line_option:linkopt": settings["//command_line_option:linkopt"] + _LTO,
    }

_whole = transition(
    implementation = _whole_impl,
    inputs = ["//command_line_option:copt", "//command_line_option:linkopt"],
    outputs = ["//command_line_option:copt", "//command_line_option:linkopt"],
)

def _inlined_binary_impl(ctx):
    # An attribute with a transition is always a list.
    binary = ctx.attr.binary[0][DefaultInfo].files_to_run.executable
    link = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = link, target_file = binary, is_executable = True)
    return [DefaultInfo(
        executable = link,
        files = depset([link]),
        runfiles = ctx.runfiles(files = [binary]),
    )]

inlined_binary = rule(
    implementation = _inlined_binary_impl,
    attrs = {
        "binary": attr.label(cfg = _whole, executable = True, mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    executable = True,
)
