# SPDX-License-Identifier: MIT
"""What the rules share that build a binary in another configuration: its file, and a link
to it under the rule's own name. Their attribute `binary` has the transition."""

ALLOWLIST = attr.label(
    default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
)

def binary_of(ctx):
    # An attribute with a transition is always a list.
    return ctx.attr.binary[0][DefaultInfo].files_to_run.executable

def link_to_binary(ctx):
    """The implementation of such a rule that adds nothing else."""
    link = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(output = link, target_file = binary_of(ctx), is_executable = True)
    return [DefaultInfo(
        executable = link,
        files = depset([link]),
        runfiles = ctx.runfiles(files = [binary_of(ctx)]),
    )]
