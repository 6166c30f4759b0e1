"""Python containers for checks and training, with the layers that change least at the bottom.

Those that several steps begin with are made once: Dagger's client library takes time for each call, also for one whose
result the engine has.
"""

import functools
from collections.abc import Sequence
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.commands import NOBODY, as_nobody
from stage_ci.adapters.locks import lock
from stage_ci.adapters.pinned_image import reference

WORKDIR: Final = "/work"
OUTPUT: Final = "/output"  # what a command leaves for the caller
_PACKED: Final = "/tmp"  # noqa: S108 - of the container; nobody may write there
_ARCHIVE: Final = "source.tar"
_VENV: Final = "/venv"
_UV: Final = "/locks/uv"


@functools.cache
def python() -> dagger.Container:
    """Return a container with the interpreter only."""
    return dag.container().from_(reference(pins.PYTHON))


@functools.cache
def python_as_nobody() -> dagger.Container:
    """Return the container of `python`, with its later commands run as nobody."""
    return as_nobody(python())


@functools.cache
def workspace() -> dagger.Container:
    """Return a container with the interpreter, and with the empty folders `WORKDIR` and `OUTPUT`, owned by nobody."""
    user, group = NOBODY.split(":")
    command = ["install", "--directory", f"--owner={user}", f"--group={group}", WORKDIR, OUTPUT]
    return python().with_exec(command)


def with_linters() -> dagger.Container:
    """Return a container with the linters in a virtual environment that is first on the PATH."""
    return _with_locked("linters.requirements")


def with_sigstore() -> dagger.Container:
    """Return a container with Sigstore's client in a virtual environment that is first on the PATH."""
    return _with_locked("sigstore.requirements")


def with_source(container: dagger.Container, source: dagger.Directory, exclude: Sequence[str]) -> dagger.Container:
    """Return ``container`` with the files of ``source`` except ``exclude`` in `WORKDIR`, owned by nobody.

    Later commands run again only if one of these files changes. Engine 0.19.10 identifies a filtered folder by what it
    was made from, which changes with every file of the source, but a file by its content: so they go into an archive.

    Args:
        container: A container made from `workspace` that runs as nobody.
        source: The service's source.
        exclude: Patterns of files and folders, as of a .dockerignore.
    """
    return unpack(container.with_workdir(WORKDIR), pack(source.filter(exclude=list(exclude))))


def pack(folder: dagger.Directory) -> dagger.File:
    """Return an archive of ``folder`` that depends on its content alone."""
    archive = f"{_PACKED}/{_ARCHIVE}"
    command = ["tar", "--create", f"--file={archive}", "--sort=name", "--mtime=@946684800", "."]
    container = python_as_nobody().with_mounted_directory(WORKDIR, folder, owner=NOBODY).with_workdir(WORKDIR)
    return container.with_exec(command).directory(_PACKED).file(_ARCHIVE)


def unpack(container: dagger.Container, packed: dagger.File) -> dagger.Container:
    """Return ``container`` with the files of an archive of `pack` in its working folder."""
    archive = f"{_PACKED}/{_ARCHIVE}"
    command = ["tar", "--extract", "--preserve-permissions", f"--file={archive}"]
    return container.with_mounted_file(archive, packed).with_exec(command).without_mount(archive)


def install(container: dagger.Container, arguments: list[str]) -> dagger.Container:
    """Return ``container`` after ``uv pip install`` with ``arguments``.

    The packages are compiled here, because commands without privileges cannot write bytecode beside them, and every
    start of a tool or a test worker would compile them again.
    """
    return container.with_exec(["uv", "pip", "install", "--quiet", "--compile-bytecode", *arguments])


def _with_locked(name: str) -> dagger.Container:
    path = f"/locks/{name}"
    return install(with_uv().with_new_file(path, lock(name)), ["--require-hashes", "--requirement", path])


def with_debian_packages(container: dagger.Container, *packages: str) -> dagger.Container:
    """Return ``container``, which is based on Debian and runs as root, with Debian packages installed.

    One command, because a package list from the cache of layers may name versions that no longer exist.
    """
    install = f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {' '.join(packages)}"
    return container.with_exec(["sh", "-c", install])


@functools.cache
def with_uv() -> dagger.Container:
    """Return the container of `workspace` with uv, and a virtual environment that is first on the PATH."""
    return (
        workspace()
        .with_new_file(_UV, lock("uv.requirements"))
        .with_exec(["python3", "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--requirement", _UV])
        # An installation runs code of packages as root, which could leave something for another source in a volume that
        # sources share. The layers are the cache.
        .with_env_variable("UV_NO_CACHE", "1")
        .with_env_variable("UV_LINK_MODE", "copy")
        .with_env_variable("VIRTUAL_ENV", _VENV)
        .with_env_variable("PATH", f"{_VENV}/bin:${{PATH}}", expand=True)
        .with_exec(["uv", "venv", "--quiet", _VENV])
    )
