# SPDX-License-Identifier: MIT
"""static_archives: the archives that a program gets which links `deps`."""

def _static_archives_impl(ctx):
    archives = []
    for dep in ctx.attr.deps:
        for linked in dep[CcInfo].linking_context.linker_inputs.to_list():
            for library in linked.libraries:
                archive = library.static_library or library.pic_static_library
                if archive:
                    archives.append(archive)
    files = depset(archives)
    return [DefaultInfo(files = files, runfiles = ctx.runfiles(files = files.to_list()))]

static_archives = rule(
    implementation = _static_archives_impl,
    attrs = {"deps": attr.label_list(providers = [CcInfo])},
)
