"""Judges published images against today's vulnerability database, from their recorded bills of materials."""

import dagger
from dagger import dag

from stage_ci.adapters import publisher, scanner
from stage_ci.adapters.gather import gather, gather_all
from stage_ci.adapters.scanner import SBOM
from stage_ci.errors import StageError
from stage_ci.rules.decisions import named_versions
from stage_ci.rules.record import Record
from stage_ci.rules.verdict import Verdict
from stage_ci.rules.version import Version
from stage_ci.steps.checks import Subject, scan_result
from stage_ci.steps.evidence import recorded_sbom
from stage_ci.steps.progress import Progress
from stage_ci.steps.remotes import Remotes, connect
from stage_ci.steps.request import ReleaseRequest
from stage_ci.steps.version import released_record


async def rescan_manifest(request: ReleaseRequest, source: dagger.Directory) -> str:
    """Scan each version that the deployment manifest names, without a build; return the tables and the summaries.

    Args:
        request: The service.
        source: The service's source, for its waivers.

    Raises:
        VulnerableImage: if a critical vulnerability has a fix.
        WaiverExpired: if the waiver of a critical vulnerability has expired.
        InvalidVersion: if the manifest names no version of the line, or one without a record.
        StageError: if the scanner, the registry or the infrastructure repository fails.
    """
    servers = request.selected_servers()
    subject = Subject.of(request, source, servers, Progress())
    async with connect(request, servers) as remotes:
        filename = str(request.manifest.filename)
        content = (await remotes.infrastructure.snapshot(request.manifest.branch, filename)).read(filename)
        versions = named_versions(content, request.manifest.filename, request.line)
        return "\n".join(await gather_all(_rescan(version, subject, remotes, request) for version in versions))


async def judge(record: Record, subject: Subject, remotes: Remotes) -> tuple[Verdict, dagger.Directory]:
    """Scan a recorded image with the database and the suppressions of a run; return the verdict and Trivy's files.

    Raises:
        ScannerUnavailable: if the scanner fails.
        InvalidEvidence: if the recorded bill of materials is missing or invalid.
        RegistryError: if the registry denies access or fails.
    """
    sbom, database, suppressions = await gather(
        _sbom(record, subject, remotes), subject.database(), subject.suppressions()
    )
    return await scanner.scan(sbom, database, suppressions)


async def _rescan(version: Version, subject: Subject, remotes: Remotes, request: ReleaseRequest) -> str:
    record = await released_record(version, remotes, request.line)
    result = scan_result(*await judge(record, subject, remotes))
    headline = f"{record.repository}:{version}@{record.digest}"
    try:
        await result.raise_if_failed()
    except StageError as error:
        raise type(error)(f"{version}: {error.cause}", step=error.step, remedy=error.remedy) from error
    return f"{headline}\n{await result.text()}"


async def _sbom(record: Record, subject: Subject, remotes: Remotes) -> dagger.File:
    text = await recorded_sbom(record, remotes.registry)
    if text is None:
        # The version was recorded before bills of materials were.
        archive = await publisher.pull(remotes.destination, record.repository, record.digest)
        return await scanner.sbom(archive, subject.java)
    return dag.directory().with_new_file(SBOM, text).file(SBOM)
