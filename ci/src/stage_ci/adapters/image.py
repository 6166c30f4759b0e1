"""Builds the service's image, exports it as an archive, and runs the smoke test against the started image."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import anyio
import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters import pinned_image, toolchain
from stage_ci.adapters.commands import NOBODY, as_nobody, cause, step
from stage_ci.adapters.gather import gather, gather_all
from stage_ci.adapters.programs import program
from stage_ci.adapters.source import Source
from stage_ci.errors import BuildFailed, InvalidInput, SmokeFailed
from stage_ci.rules.archive import ArchiveDigests
from stage_ci.rules.checks import SmokeReport
from stage_ci.rules.claim import InputDigest
from stage_ci.rules.dockerfile import BUILD_ARGUMENTS, PLATFORM, base_images, cache_argument, raise_if_other_image
from stage_ci.rules.dockerignore import patterns
from stage_ci.rules.one_line import last_line
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.smoke import SmokeTest
from stage_ci.rules.vex import VEX_FILE
from stage_ci.rules.waivers import WAIVERS_FILE

_PLATFORM: Final = dagger.Platform(PLATFORM)
# The seconds in which an image that listens must become ready.
READY_LIMIT: Final = 30
# The seconds in which it must listen: for a port on which nothing listens, the engine waits without end. Among twenty
# stages on two cores, an image has listened after more than 60.
_LISTEN_LIMIT: Final = 120
# Prints a line for each file: the digest of its content or of a link's target, the mode as git stores it, and the
# path. LC_ALL=C makes the order independent of the locale.
_LISTING: Final = r"""
set -eu
find . -type f -o -type l | LC_ALL=C sort | while IFS= read -r file; do
    if [ -L "$file" ]; then mode=link; digest=$(readlink "$file" | sha256sum)
    elif [ -x "$file" ]; then mode=755; digest=$(sha256sum <"$file")
    else mode=644; digest=$(sha256sum <"$file"); fi
    echo "${digest%% *} $mode $file"
done
"""
# BuildKit prefers the first: https://docs.docker.com/build/concepts/context/#filename-and-location
_IGNORE_FILES: Final = ("Dockerfile.dockerignore", ".dockerignore")
# The images that see the registry's password, or decide what a release says about its image.
_TOOLS: Final = (pins.PYTHON, pins.SKOPEO, pins.TRIVY)
# The label that ci/engine/images sets on its replacements for public images.
_STAND_IN: Final = "ci.stage.stand-in"


@dataclass(frozen=True, slots=True)
class Archive:
    """A built image as an OCI archive; the scan and the push use the same file.

    Attributes:
        file: The archive.
        digest: The digest of the image manifest, which names the image.
        config: The digest of the image configuration.
    """

    file: dagger.File
    digest: Digest
    config: Digest


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an image is made from.

    Attributes:
        digest: The digest of all of it.
        bases: The resolved reference, with its digest, of each image that the build depends on, by its name.
    """

    digest: InputDigest
    bases: Mapping[str, str]


@step("build")
async def context(source: Source) -> dagger.Directory:
    """Return the build context: ``source`` without what .dockerignore excludes and without what only the scan reads.

    So neither an edit of the tests nor a waiver changes the image. All files have the same time.
    """
    paths = await source.paths()
    ignore_files = [name for name in _IGNORE_FILES if name in paths][:1]
    ignored = [pattern for name in ignore_files for pattern in patterns(await source.text(name))]
    exclude = [*ignored, "!Dockerfile", WAIVERS_FILE, VEX_FILE]
    container = toolchain.with_source(as_nobody(toolchain.workspace()), source.directory, exclude)
    # Evaluated once for the build and the digest of the inputs, whose requests are short then.
    return await container.directory(toolchain.WORKDIR).sync()


async def build(context: dagger.Directory, repository: Repository) -> dagger.Container:
    """Build an image from the Dockerfile in ``context`` and return it.

    Args:
        context: The build context.
        repository: The image's name, which has cache mounts of its own.

    Raises:
        BuildFailed: if the build fails; names the instruction or the package.
    """
    values = {**BUILD_ARGUMENTS, **cache_argument(repository)}
    arguments = [dagger.BuildArg(name=name, value=value) for name, value in values.items()]
    try:
        return await context.docker_build(platform=_PLATFORM, build_args=arguments).sync()
    except dagger.QueryError as error:
        raise BuildFailed(cause(error)) from error


@step("build")
async def base_names(source: Source) -> list[str]:
    """Return the images that the build depends on, sorted.

    Raises:
        InvalidInput: if there is no Dockerfile, if it has no base image, or if it depends on what cannot be an input.
    """
    if "Dockerfile" not in await source.paths():
        raise InvalidInput(
            "the source has no Dockerfile",
            step="build",
            remedy="check that --source is the folder that holds the Dockerfile",
        )
    return sorted(base_images(await source.text("Dockerfile")))


@step("build")
async def inputs(names: list[str], context: dagger.Directory) -> Inputs:
    """Return the inputs of the image.

    Args:
        names: The images that the build depends on.
        context: The build context.

    Raises:
        InvalidInput: if one of the images is for another platform.
    """
    listing, references = await gather(_list(context), gather_all(_resolve(name) for name in names))
    bases = dict(zip(names, references, strict=True))
    return Inputs(InputDigest.of(listing, bases), bases)


async def _resolve(name: str) -> str:
    image = dag.container(platform=_PLATFORM).from_(name)
    reference, platform = await gather(image.image_ref(), image.platform())
    raise_if_other_image(name, platform)
    return reference


@step("publish")
async def tools() -> dict[str, str]:
    """Return the resolved reference, with its digest, of each image that a release is made with, by its name."""
    references = await gather_all(dag.container().from_(pinned_image.reference(pin)).image_ref() for pin in _TOOLS)
    return dict(zip(map(pinned_image.name, _TOOLS), references, strict=True))


async def _list(context: dagger.Directory) -> str:
    container = toolchain.python_as_nobody().with_workdir("/context")
    container = container.with_mounted_directory("/context", context, owner=NOBODY)
    return await container.with_exec(["sh", "-c", _LISTING]).stdout()


@step("build")
async def raise_if_stand_in(image: dagger.Container) -> None:
    """Raise if ``image`` is built on a stand-in for a public image, which contains settings of this machine.

    Raises:
        InvalidInput: if the image has the label of a stand-in.
    """
    if await image.label(_STAND_IN):
        raise InvalidInput(
            "the image is built on this machine's stand-in for its base image",
            step="build",
            remedy="release from an engine that reaches the public registries",
        )


@step("build")
async def export_archive(image: dagger.Container) -> Archive:
    """Return ``image`` as an archive without the times of its build, so that equal images have equal digests.

    Raises:
        BuildFailed: if it is for another platform.
    """
    normalized = "/tmp/image.tar"  # noqa: S108 - of the container
    # Evaluated once for the scan, the search for secrets and the push, whose requests are short then.
    done = await (
        toolchain.python_as_nobody()
        .with_new_file("/normalize_archive.py", program("normalize_archive.py"))
        .with_mounted_file("/image.tar", image.as_tarball().chown(NOBODY))
        .with_exec(["python3", "/normalize_archive.py", "/image.tar", normalized])
        .sync()
    )
    digests = ArchiveDigests.parse(await done.stdout())
    return Archive(done.file(normalized), digests.manifest, digests.config)


async def smoke(image: dagger.Container, smoke_test: SmokeTest) -> SmokeReport:
    """Start ``image`` as a service and return its answers.

    Raises:
        SmokeFailed: if it does not start, does not become ready in time, or answers wrongly.
    """
    service = image.with_exposed_port(smoke_test.port).as_service(use_entrypoint=True)
    # After a command in the prober, engine 0.19.10 would drop the output of a service that exits.
    prober = toolchain.python_as_nobody().with_new_file("/probe.py", program("probe.py"))
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
        with anyio.fail_after(_LISTEN_LIMIT):
            return SmokeReport(await prober.with_exec(command).stdout())
    except TimeoutError:
        raise SmokeFailed(f"the image did not listen on port {smoke_test.port} within {_LISTEN_LIMIT} s") from None
    except dagger.ExecError as error:
        raise SmokeFailed(last_line(error.stdout) or cause(error)) from error
    except dagger.QueryError as error:
        raise SmokeFailed(f"the image does not start: {cause(error)}") from error
