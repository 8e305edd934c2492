# SPDX-License-Identifier: MIT
"""inlined_binary: a program optimized as a whole, the library included.

    cc_binary(name = "x", ...)
    inlined_binary(name = "x_inlined", binary = ":x")
"""

load(":transitioned.bzl", "ALLOWLIST", "link_to_binary")

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

inlined_binary = rule(
    implementation = link_to_binary,
    attrs = {
        "binary": attr.label(cfg = _whole, executable = True, mandatory = True),
        "_allowlist_function_transition": ALLOWLIST,
    },
    executable = True,
)
