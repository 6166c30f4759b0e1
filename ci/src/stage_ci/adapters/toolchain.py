"""The Python containers in which checks run: layers from what never changes to what changes at every edit."""

from collections.abc import Iterable
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins

WORKDIR: Final = "/work"
_VENV: Final = "/venv"
_CACHE: Final = "/root/.cache/uv"


def python() -> dagger.Container:
    """Return the bare interpreter."""
    return dag.container().from_(pins.PYTHON)


def with_packages(packages: Iterable[str]) -> dagger.Container:
    """Return an interpreter with ``packages`` in a virtual environment, first on the PATH."""
    return install(_with_uv(), list(packages)).without_mount(_CACHE)


async def requirement_files(source: dagger.Directory) -> list[str]:
    """Return the requirement files, and folders of such, at the root of ``source``; a folder's name ends with ``/``."""
    return sorted(name for name in await source.entries() if name.startswith("requirements"))


def with_requirements(
    source: dagger.Directory, present: Iterable[str], wanted: Iterable[str], extra: Iterable[str] = ()
) -> dagger.Container:
    """Return an interpreter with what the requirement files ``wanted`` of ``source`` list, and ``extra``.

    One file may include another, so all that are ``present`` enter the layer; nothing else does, so that an edit
    elsewhere installs nothing.
    """
    container = _with_uv().with_workdir("/requirements")
    for name in present:
        if name.endswith("/"):
            container = container.with_directory(name, source.directory(name))
        else:
            container = container.with_file(name, source.file(name))
    arguments = [*extra, *(part for name in wanted for part in ("--requirement", name))]
    return (install(container, arguments) if arguments else container).without_mount(_CACHE)


def install(container: dagger.Container, arguments: list[str]) -> dagger.Container:
    """Return ``container`` after ``uv pip install`` with ``arguments``."""
    return container.with_exec(["uv", "pip", "install", "--quiet", *arguments])


def _with_uv() -> dagger.Container:
    return (
        python()
        .with_exec(["python3", "-m", "pip", "install", "--quiet", "--root-user-action=ignore", pins.UV])
        .with_mounted_cache(_CACHE, dag.cache_volume("stage-ci-uv"))
        .with_env_variable("UV_LINK_MODE", "copy")
        .with_env_variable("VIRTUAL_ENV", _VENV)
        .with_env_variable("PATH", f"{_VENV}/bin:${{PATH}}", expand=True)
        .with_exec(["uv", "venv", "--quiet", _VENV])
    )
