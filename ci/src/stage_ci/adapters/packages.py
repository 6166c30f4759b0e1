"""Installs the packages of a source; rules/requirement_file.py reads the files that name them."""

import base64
import posixpath
from collections.abc import Iterable
from typing import Final

import dagger
from dagger import dag

from stage_ci.adapters import toolchain
from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.programs import program
from stage_ci.adapters.source import Source
from stage_ci.rules.readme import METADATA_FILES, missing_readme
from stage_ci.rules.requirement_file import RequirementFile, uv_options
from stage_ci.rules.requirement_indexes import join_indexes
from stage_ci.rules.requirement_text import decode, hide_credentials, is_exact
from stage_ci.rules.source import present_files

_ROOT: Final = "/requirements"
_PROGRAM: Final = "/programs/install_missing.py"


async def with_requirements(source: Source, wanted: Iterable[str]) -> dagger.Container:
    """Return a container with packages in a virtual environment that is first on the PATH.

    The layer depends only on the requirement files, those that they include, and the parts of the source that they
    install. The files are added as texts: the engine deduplicates files with equal name and content, and one of a
    concurrent run may disappear with that run.

    Args:
        source: The service's source.
        wanted: The names of the requirement files to install; those that the source does not have are left out.

    Raises:
        InvalidInput: if a file names what cannot be installed.
    """
    paths = await source.paths()
    names = present_files(wanted, paths)
    files = await _read(source, names)
    container = toolchain.with_uv()
    if any(file.uses_git for file in files.values()):
        container = toolchain.with_debian_packages(container, "git")
    container = await _with_local(
        container.with_workdir(_ROOT), source, {each for file in files.values() for each in file.local}
    )
    written = join_indexes({path: file.text for path, file in files.items()}, names)
    texts, credentials = hide_credentials(written)
    for path, text in texts.items():
        container = container.with_new_file(path, text)
    for name, value in credentials.items():
        # Engine 0.19.10 tells the secrets of one call apart by their names only.
        secret = dag.set_secret(f"stage-ci-{'-'.join(names)}-{name}", value)
        container = container.with_secret_variable(name, secret)
    arguments = [part for name in names for part in ("--requirement", name)]
    if arguments:
        container = toolchain.install(container, [*uv_options(files.values()), *arguments])
    for name in credentials:
        container = container.without_secret_variable(name)
    return container


def with_missing(container: dagger.Container, packages: Iterable[str]) -> dagger.Container:
    """Return ``container`` with those of ``packages`` that were not installed with the requirements of the source.

    Args:
        container: A container of `with_requirements`.
        packages: Names with exact versions; a version that does not fit gives way.
    """
    return container.with_new_file(_PROGRAM, program("install_missing.py")).with_exec(["python", _PROGRAM, *packages])


async def _read(source: Source, names: Iterable[str]) -> dict[str, RequirementFile]:
    paths, files, pending = await source.paths(), dict[str, RequirementFile](), list(names)
    while pending:
        texts = await gather_all(_text(source, path) for path in pending)
        read = [RequirementFile.parse(path, text, paths) for path, text in zip(pending, texts, strict=True)]
        files |= dict(zip(pending, read, strict=True))
        pending = sorted({included for file in read for included in file.includes} - files.keys())
    return files


async def _text(source: Source, path: str) -> str:
    text = await source.text(path)
    if is_exact(text):
        return decode(path, text.encode())
    # The engine's text of a file replaces what is not UTF-8.
    container = toolchain.python_as_nobody().with_mounted_file("/file", source.directory.file(path))
    return decode(path, base64.b64decode(await container.with_exec(["base64", "/file"]).stdout()))


async def _with_local(container: dagger.Container, source: Source, local: set[str]) -> dagger.Container:
    """Return ``container`` with files and folders of the source in the working folder, for packages in them."""
    if not local:
        return container
    paths, folder = await source.paths(), dag.directory()
    for path in sorted(local):
        if path in paths:
            folder = folder.with_file(path, source.directory.file(path))
        else:
            part = source.directory if path == "." else source.directory.directory(path)
            folder = folder.with_directory(path, part)
            metadata = [posixpath.normpath(f"{path}/{name}") for name in METADATA_FILES]
            for name, text in (await source.texts(metadata)).items():
                for missing in missing_readme(name, text, paths):
                    folder = folder.with_new_file(missing, "")
    return toolchain.unpack(container.with_directory(".", dag.directory()), toolchain.pack(folder))
