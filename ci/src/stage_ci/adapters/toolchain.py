"""Python containers for checks and training, with the layers that change least at the bottom."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.commands import NOBODY, as_nobody
from stage_ci.adapters.locks import lock
from stage_ci.adapters.source import Source

WORKDIR: Final = "/work"
_PACKED: Final = "/tmp"  # noqa: S108 - of the container; nobody may write there
_VENV: Final = "/venv"
_UV: Final = "/locks/uv"


def python() -> dagger.Container:
    """Return a container with the interpreter only."""
    return dag.container().from_(pins.PYTHON)


def with_linters() -> dagger.Container:
    """Return a container with the linters in a virtual environment that is first on the PATH."""
    return _with_locked("linters.requirements")


def with_sigstore() -> dagger.Container:
    """Return a container with Sigstore's client in a virtual environment that is first on the PATH."""
    return _with_locked("sigstore.requirements")


async def requirement_files(source: Source) -> dict[str, str]:
    """Return the texts of the files of ``source`` whose path starts with ``requirements``, by path.

    Raises:
        InvalidInput: if the source was not filtered.
    """
    return await source.texts([path for path in await source.paths() if path.startswith("requirements")])


def with_requirements(present: Mapping[str, str], wanted: Iterable[str], extra: Iterable[str] = ()) -> dagger.Container:
    """Return a container with packages in a virtual environment that is first on the PATH.

    Args:
        present: All requirement files by name, because one may include another. The layer depends on nothing else of
            the source, so an edit of other files installs nothing. The files are added as texts: the engine
            deduplicates files with equal name and content, and one of a concurrent run may disappear with that run.
        wanted: The names of the requirement files to install.
        extra: Further requirements.
    """
    container = _with_uv().with_workdir("/requirements")
    for name, text in present.items():
        container = container.with_new_file(name, text)
    arguments = [*extra, *(part for name in wanted for part in ("--requirement", name))]
    return install(container, arguments) if arguments else container


def with_source(container: dagger.Container, source: dagger.Directory, exclude: Sequence[str]) -> dagger.Container:
    """Return ``container`` with the files of ``source`` except ``exclude`` in the working folder, owned by nobody.

    Later commands run again only if one of these files changes. Engine 0.19.10 identifies a filtered folder by what it
    was made from, which changes with every file of the source, but a file by its content: so they go into an archive.

    Args:
        container: A container that runs as nobody.
        source: The service's source.
        exclude: Patterns of files and folders, as of a .dockerignore.
    """
    container = container.with_directory(WORKDIR, dag.directory(), owner=NOBODY).with_workdir(WORKDIR)
    archive = f"{_PACKED}/source.tar"
    pack = ["tar", "--create", f"--file={archive}", "--sort=name", "--mtime=@946684800", "."]
    packed = (
        as_nobody(python())
        .with_mounted_directory(WORKDIR, source.filter(exclude=list(exclude)), owner=NOBODY)
        .with_workdir(WORKDIR)
        .with_exec(pack)
        .directory(_PACKED)
        .file("source.tar")
    )
    unpack = ["tar", "--extract", "--preserve-permissions", f"--file={archive}"]
    return container.with_mounted_file(archive, packed).with_exec(unpack).without_mount(archive)


def install(container: dagger.Container, arguments: list[str]) -> dagger.Container:
    """Return ``container`` after ``uv pip install`` with ``arguments``.

    The packages are compiled here, because commands without privileges cannot write bytecode beside them, and every
    start of a tool or a test worker would compile them again.
    """
    return container.with_exec(["uv", "pip", "install", "--quiet", "--compile-bytecode", *arguments])


def _with_locked(name: str) -> dagger.Container:
    path = f"/locks/{name}"
    return install(_with_uv().with_new_file(path, lock(name)), ["--require-hashes", "--requirement", path])


def _with_uv() -> dagger.Container:
    return (
        python()
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
