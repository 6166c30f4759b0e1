"""From source to an image that may be released: build, archive, scan and smoke."""

import sys
from collections.abc import Awaitable
from dataclasses import dataclass

import dagger

from stage_ci.adapters import image as images
from stage_ci.adapters import scanner
from stage_ci.adapters.image import Archive
from stage_ci.adapters.scanner import Database, Excuses, Scan
from stage_ci.errors import StageError
from stage_ci.rules.claim import INPUTS_LABEL, InputDigest
from stage_ci.rules.smoke import SmokeTest
from stage_ci.steps.gather import gather


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image that was built, scanned and tried: its archive is what a release pushes."""

    image: dagger.Container
    inputs: InputDigest
    archive: Archive
    scan: Scan
    answers: str


async def built(source: dagger.Directory) -> tuple[dagger.Container, InputDigest]:
    """Return the image of ``source``, carrying the digest of its inputs as a label, and that digest.

    Raises:
        InvalidInput: if there is no usable Dockerfile.
        BuildFailed: if the image cannot be built.
    """
    container, inputs = await gather(images.build(source), images.inputs(source))
    return container.with_label(INPUTS_LABEL, str(inputs)), inputs


async def candidate(source: dagger.Directory, database: Awaitable[Database], trial: SmokeTest) -> Candidate:
    """Return the image of ``source`` after it was found fit for a release.

    Raises:
        InvalidInput: if there is no usable Dockerfile, or what the source says of findings cannot be used.
        BuildFailed: if the image cannot be built.
        ScannerUnavailable: if the scanner could not run.
        WaiverExpired: if a critical vulnerability was waived until a day that is over.
        VulnerableImage: if a critical vulnerability has a fix.
        SmokeFailed: if the image does not start, is not ready or answers wrongly.
    """
    (container, inputs), advisories, excuses = await gather(built(source), database, scanner.excuses(source))
    packed = await images.pack(container)
    scan, answers = await gather(scanned(packed, advisories, excuses), images.smoke(container, trial))
    return Candidate(container, inputs, packed, scan, answers)


async def scanned(packed: Archive, database: Database, excuses: Excuses) -> Scan:
    """Return the scan of ``packed``, whose verdict allows a release.

    Raises:
        ScannerUnavailable: if the scanner could not run.
        WaiverExpired: if a critical vulnerability was waived until a day that is over.
        VulnerableImage: if a critical vulnerability has a fix.
    """
    scan = await scanner.scan(packed.file, database, excuses)
    try:
        scan.verdict.raise_if_failed()
    except StageError:
        # The error names the first few; whoever has to mend them wants all.
        print(await scan.reports.file("scan.txt").contents(), file=sys.stderr)  # noqa: T201
        raise
    return scan
