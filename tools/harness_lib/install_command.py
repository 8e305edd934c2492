# SPDX-License-Identifier: MIT
"""tools/harness install: builds the tree that //packaging:tar is, and puts it where asked."""

import os
import shutil
import tarfile
from pathlib import Path

from harness_lib import workspace

SUMMARY = """Builds the library as it is released, and installs it with its headers, manual pages,
and what pkg-config and CMake need to find it. Nothing outside of the prefix is touched, and
what is installed works from wherever the prefix is moved to."""

TAR = "//packaging:tar"
FILE = "bazel-bin/packaging/mmapper.tar"


def add_options(command):
    command.add_argument(
        "--prefix", required=True, metavar="DIR", help="where: an absolute path"
    )
    command.add_argument(
        "--destdir",
        default=os.environ.get("DESTDIR", ""),
        metavar="DIR",
        help="put in front of the prefix, to stage a package (default: $DESTDIR)",
    )


def install(options):
    folder = destination(options.prefix, options.destdir)
    workspace.build([TAR])
    paths = unpack(workspace.ROOT / FILE, folder)
    print(f"installed {len(paths)} files in {folder}", flush=True)
    if not options.destdir:
        print(f"  PKG_CONFIG_PATH={folder}/lib/pkgconfig pkg-config --cflags --libs mmapper")
        print(f"  man -M {folder}/share/man 7 mmapper", flush=True)
    workspace.write_json(
        options.json,
        {
            "command": "install",
            "verdict": "good",
            "prefix": options.prefix,
            "folder": str(folder),
            "files": paths,
        },
    )
    return workspace.GOOD


def destination(prefix, destdir):
    """The folder to install in; raises before anything was changed if that cannot be."""
    for name, path in (("--prefix", prefix), ("--destdir", destdir)):
        if path and not os.path.isabs(path):
            raise workspace.EnvironmentProblem(
                f"{name} {path} is not an absolute path; did you mean {os.path.abspath(path)}?"
            )
    if not prefix:
        raise workspace.EnvironmentProblem("--prefix is empty")
    folder = Path(destdir + os.path.normpath(prefix)) if destdir else Path(os.path.normpath(prefix))
    refuse_unwritable(folder, folder)
    return folder


def refuse_unwritable(folder, wanted):
    """`folder` is or can become one that we may write in; `wanted` is what for."""
    existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not existing.is_dir():
        raise workspace.EnvironmentProblem(f"cannot install {wanted}: {existing} is no folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise workspace.EnvironmentProblem(
            f"cannot install {wanted}: no permission to write in {existing}"
        )


def unpack(tar_file, folder):
    """Puts each entry of the tar below `folder`, and returns their paths. All or none: what
    can go wrong does so while the new files are still beside the old ones. A file is
    replaced as a whole: a program that runs with the old library keeps it."""
    ready = []  # (where it is, where it will be)
    try:
        with tarfile.open(tar_file) as tar:
            entries = tar.getmembers()
            for entry in entries:
                refuse_obstacles(folder / entry.name)
            for entry in entries:
                place = folder / entry.name
                place.parent.mkdir(parents=True, exist_ok=True)
                beside = place.with_name(f".{place.name}.{os.getpid()}")
                ready.append((beside, place))
                write(beside, entry, tar)
        while ready:
            os.replace(*ready[-1])
            ready.pop()
    except (OSError, tarfile.TarError) as error:
        where = getattr(error, "filename", None) or folder
        why = getattr(error, "strerror", None) or error
        raise workspace.EnvironmentProblem(f"cannot install {where}: {why}") from error
    finally:
        for beside, _ in ready:
            beside.unlink(missing_ok=True)
    return [entry.name for entry in entries]


def refuse_obstacles(place):
    refuse_unwritable(place.parent, place)
    if place.is_dir() and not place.is_symlink():
        raise workspace.EnvironmentProblem(f"cannot install {place}: a folder is in the way")


def write(path, entry, tar):
    """Makes one entry of the tar, under another name."""
    path.unlink(missing_ok=True)
    if entry.issym():
        path.symlink_to(entry.linkname)
        return
    with open(path, "wb") as file, tar.extractfile(entry) as contents:
        shutil.copyfileobj(contents, file)
    path.chmod(entry.mode)
