"""The image that a release would publish; built and exported once, for all checks."""

from dataclasses import dataclass

import dagger

from stage_ci.adapters import image
from stage_ci.adapters.gather import gather
from stage_ci.adapters.image import Archive, Inputs
from stage_ci.adapters.once import Once
from stage_ci.adapters.source import Source
from stage_ci.rules.claim import INPUTS_LABEL
from stage_ci.rules.reference import Repository
from stage_ci.steps.progress import Progress


@dataclass(frozen=True, slots=True)
class Image:
    """A built image, with the digest of its inputs as a label."""

    container: dagger.Container
    inputs: Inputs


class Candidate:
    """The image of one source, built when it is first needed.

    Args:
        source: The service's source.
        repository: The image's name.
        progress: Records how long the build and the export take.
    """

    def __init__(self, source: Source, repository: Repository, progress: Progress) -> None:
        self.source = source
        self._repository = repository
        self._progress = progress
        self.image = Once(self._build)
        self.archive = Once(self._export)

    async def parts(self) -> tuple[Image, Archive]:
        """Return the image and its archive."""
        return await gather(self.image(), self.archive())

    async def _build(self) -> Image:
        with self._progress.span("build"):
            return await _build(self.source, self._repository)

    async def _export(self) -> Archive:
        built = await self.image()
        with self._progress.span("archive"):
            return await image.export_archive(built.container)


async def build_image(source: dagger.Directory, repository: Repository) -> Image:
    """Build the image of ``source``, called ``repository``; label it with the digest of its inputs, and return it.

    Raises:
        InvalidInput: if there is no Dockerfile, or if it has no base image.
        BuildFailed: if the build fails.
    """
    return await _build(Source(source), repository)


async def _build(source: Source, repository: Repository) -> Image:
    context, names = await gather(image.context(source), image.base_names(source))
    container, inputs = await gather(image.build(context, repository), image.inputs(names, context))
    return Image(container.with_label(INPUTS_LABEL, str(inputs.digest)), inputs)
