"""Builds the service's image, packs it as one archive and asks the running image for an answer."""

from dataclasses import dataclass
from typing import Final

import anyio
import dagger
from dagger import dag

from stage_ci.adapters import toolchain
from stage_ci.adapters.commands import NOBODY, as_nobody, cause, step
from stage_ci.adapters.programs import program
from stage_ci.errors import BuildFailed, InvalidInput, SmokeFailed
from stage_ci.rules.archive import manifest_digest
from stage_ci.rules.build_failure import last_line
from stage_ci.rules.checks import SmokeReport
from stage_ci.rules.claim import InputDigest
from stage_ci.rules.dockerfile import base_images
from stage_ci.rules.dockerignore import patterns
from stage_ci.rules.reference import Digest
from stage_ci.rules.smoke import SmokeTest
from stage_ci.rules.source import raise_if_unfiltered
from stage_ci.rules.vex import VEX_FILE
from stage_ci.rules.waivers import WAIVERS_FILE

# Seconds a started image has to become ready.
READY_LIMIT: Final = 30
# One line for each file: digest of the content (of a link, its target), mode as git keeps it, path; sorted by path,
# whatever the machine's locale.
_LISTING: Final = r"""
set -eu
find . -type f -o -type l | LC_ALL=C sort | while IFS= read -r file; do
    if [ -L "$file" ]; then mode=link; digest=$(readlink "$file" | sha256sum)
    elif [ -x "$file" ]; then mode=755; digest=$(sha256sum <"$file")
    else mode=644; digest=$(sha256sum <"$file"); fi
    echo "${digest%% *} $mode $file"
done
"""
# In the order in which the builder looks for it.
_IGNORE_FILES: Final = ("Dockerfile.dockerignore", ".dockerignore")
# Given by ci/engine to the images that stand for public ones on a machine without an image registry.
_STAND_IN: Final = "ci.stage.stand-in"


@dataclass(frozen=True, slots=True)
class Archive:
    """A built image as one OCI archive: what is scanned is what is pushed."""

    file: dagger.File
    digest: Digest


async def build(source: dagger.Directory) -> dagger.Container:
    """Return the image built from the Dockerfile of ``source``, evaluated.

    Raises:
        InvalidInput: if there is no Dockerfile.
        BuildFailed: if it cannot be built; names the instruction or the package.
    """
    source = await _build_source(source)
    try:
        return await source.docker_build().sync()
    except dagger.QueryError as error:
        raise BuildFailed(cause(error)) from error


@step("build")
async def input_digest(source: dagger.Directory) -> InputDigest:
    """Return the digest of all that the image of ``source`` is made from.

    Raises:
        InvalidInput: if there is no Dockerfile, or it names no base image.
    """
    source = await _build_source(source)
    bases: dict[str, str] = {}

    async def resolve(name: str) -> None:
        bases[name] = await dag.container().from_(name).image_ref()

    async with anyio.create_task_group() as group:
        for name in base_images(await source.file("Dockerfile").contents()):
            group.start_soon(resolve, name)
    listing = as_nobody(toolchain.python()).with_workdir("/context")
    listing = listing.with_mounted_directory("/context", await _context(source), owner=NOBODY)
    return InputDigest.of(await listing.with_exec(["sh", "-c", _LISTING]).stdout(), bases)


async def _build_source(source: dagger.Directory) -> dagger.Directory:
    """Return ``source`` without the files that only the scan reads, so that a new waiver builds no new image."""
    present = set(await source.entries())
    raise_if_unfiltered(present)
    if "Dockerfile" not in present:
        raise InvalidInput(
            "the source has no Dockerfile",
            step="build",
            remedy="check that --source is the folder that holds the Dockerfile",
        )
    read_by_the_scan = sorted(present & {WAIVERS_FILE, VEX_FILE})
    return source.without_files(read_by_the_scan) if read_by_the_scan else source


async def _context(source: dagger.Directory) -> dagger.Directory:
    """Return what the Dockerfile can see: ``source`` without what .dockerignore names."""
    present = set(await source.entries())
    for name in _IGNORE_FILES:
        if name in present:
            ignored = patterns(await source.file(name).contents())
            context = dag.directory().with_directory(".", source, exclude=ignored)
            return context.with_directory(".", source, include=["Dockerfile"])
    return source


@step("build")
async def refuse_stand_in(image: dagger.Container) -> None:
    """Raise if ``image`` is built on a stand-in for a public image, which carries settings of this machine.

    Raises:
        InvalidInput: if it is.
    """
    if await image.label(_STAND_IN):
        raise InvalidInput(
            "the image is built on this machine's stand-in for its base image",
            step="build",
            remedy="release from an engine that reaches the public registries",
        )


@step("build")
async def export_archive(image: dagger.Container) -> Archive:
    """Return ``image`` as an archive."""
    file = image.as_tarball().chown(NOBODY)
    reader = as_nobody(toolchain.python()).with_mounted_file("/image.tar", file)
    index = await reader.with_exec(["tar", "--extract", "--to-stdout", "--file=/image.tar", "index.json"]).stdout()
    return Archive(file, manifest_digest(index))


async def smoke(image: dagger.Container, smoke_test: SmokeTest) -> SmokeReport:
    """Start ``image`` as a service and return its answers.

    Raises:
        SmokeFailed: if it does not start, is not ready in time, or answers wrongly.
    """
    service = image.with_exposed_port(smoke_test.port).as_service(use_entrypoint=True)
    prober = as_nobody(toolchain.python()).with_new_file("/probe.py", program("probe.py"))
    prober = prober.with_service_binding("service", service)
    command = [
        "python3",
        "/probe.py",
        f"http://service:{smoke_test.port}",
        str(READY_LIMIT),
        smoke_test.text,
        smoke_test.topic,
    ]
    try:
        with anyio.fail_after(2 * READY_LIMIT):
            return SmokeReport(await prober.with_exec(command).stdout())
    except TimeoutError:
        raise SmokeFailed(f"the image did not listen on port {smoke_test.port} within {2 * READY_LIMIT} s") from None
    except dagger.ExecError as error:
        raise SmokeFailed(last_line(error.stdout) or cause(error)) from error
    except dagger.QueryError as error:
        raise SmokeFailed(f"the image does not start: {cause(error)}") from error
