# SPDX-License-Identifier: MIT
"""What is installed, and how its libraries are made of the ordinary ones."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load("//bazel:transitioned.bzl", "ALLOWLIST")

# Everything that a runtime links: each public cc_library of the mapper, the spaces and
# the bindings.
# //tools:exports_check knows when one is missing.
LIBRARIES = [
    "//mmapper",
    "//spaces:freelist_space",
    "//spaces:immortal_space",
    "//spaces:immortal_window",
    "//spaces:raw_memory_freelist",
    "//spaces:side_metadata",
    "//spaces:space_map",
    "//spaces:space_placement",
    "//bindings/mmtk:mmtk_mmapper",
]

def _public_headers_impl(ctx):
    return [DefaultInfo(files = depset(transitive = [
        depset(dep[CcInfo].compilation_context.direct_public_headers)
        for dep in ctx.attr.deps
    ]))]

public_headers = rule(
    implementation = _public_headers_impl,
    attrs = {"deps": attr.label_list(providers = [CcInfo])},
    doc = "The `hdrs` of deps, without those that they depend on.",
)

def _one_object_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    archives = []
    for dep in ctx.attr.deps:
        for linked in dep[CcInfo].linking_context.linker_inputs.to_list():
            archives += [library.pic_static_library for library in linked.libraries]
    archives = depset(archives).to_list()
    output = ctx.actions.declare_file(ctx.label.name + ".pic.o")
    ctx.actions.run_shell(
        inputs = depset(archives + [ctx.file.names], transitive = [toolchain.all_files]),
        outputs = [output],
        # .llvm_addrsig numbers the symbols as they were before.
        command = """set -e
            {ld} -r -o {output} --whole-archive {archives}
            {objcopy} --keep-global-symbols={names} --remove-section=.llvm_addrsig {output}
        """.format(
            ld = toolchain.ld_executable,
            objcopy = toolchain.objcopy_executable,
            archives = " ".join([archive.path for archive in archives]),
            names = ctx.file.names.path,
            output = output.path,
        ),
        mnemonic = "OneObject",
    )
    return [DefaultInfo(files = depset([output]))]

one_object = rule(
    implementation = _one_object_impl,
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "names": attr.label(allow_single_file = True, mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    doc = """All objects of deps and of what they depend on, position independent, linked into
    one object in which only `names` are global: what its parts call each other cannot clash
    with anything in a program that links it.""",
)

def _stripped_impl(ctx):
    toolchain = find_cpp_toolchain(ctx)
    output = ctx.outputs.out
    if output.extension == "a":
        # D: no times and no users, so that equal objects make equal archives.
        command = """set -e
            folder=$(mktemp -d)
            {strip} -g -o $folder/mmapper.o {file}
            {ar} Dcrs {output} $folder/mmapper.o
            rm -r $folder
        """
    else:
        command = "{strip} -g -o {output} {file}"
    ctx.actions.run_shell(
        inputs = depset([ctx.file.file], transitive = [toolchain.all_files]),
        outputs = [output],
        command = command.format(
            strip = toolchain.strip_executable,
            ar = toolchain.ar_executable,
            file = ctx.file.file.path,
            output = output.path,
        ),
        mnemonic = "Stripped",
    )
    return [DefaultInfo(files = depset([output]))]

stripped = rule(
    implementation = _stripped_impl,
    attrs = {
        "file": attr.label(allow_single_file = True, mandatory = True),
        "out": attr.output(mandatory = True),
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
    doc = "`file` without debug information: a shared library, or an object as an archive.",
)

def _without_sanitizers(flags):
    return [flag for flag in flags if "-fsanitize" not in flag and "-fno-sanitize" not in flag]

def _release_impl(settings, _attr):
    # What is installed is the product, also in a sanitizer's configuration. With debug
    # information: the comparison of binary interfaces reads the types there.
    return {
        "//command_line_option:compilation_mode": "opt",
        "//command_line_option:copt": _without_sanitizers(
            settings["//command_line_option:copt"],
        ) + ["-g"],
        "//command_line_option:linkopt": _without_sanitizers(
            settings["//command_line_option:linkopt"],
        ),
    }

_release = transition(
    implementation = _release_impl,
    inputs = ["//command_line_option:copt", "//command_line_option:linkopt"],
    outputs = [
        "//command_line_option:compilation_mode",
        "//command_line_option:copt",
        "//command_line_option:linkopt",
    ],
)

def _release_files_impl(ctx):
    files = depset(transitive = [one[DefaultInfo].files for one in ctx.attr.srcs])
    return [DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files))]

release_files = rule(
    implementation = _release_files_impl,
    attrs = {
        "srcs": attr.label_list(cfg = _release),
        "_allowlist_function_transition": ALLOWLIST,
    },
    doc = "The files of srcs, built as they are installed.",
)
