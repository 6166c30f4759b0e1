"""Claims a version, pushes the archive, writes the tag last, verifies the tag's digest, and records it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import dagger
from dagger import dag

from stage_ci.adapters import publisher
from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.image import Archive, raise_if_stand_in
from stage_ci.adapters.infrastructure import RefConflict
from stage_ci.adapters.scanner import SBOM
from stage_ci.errors import DigestMismatch, InfrastructureConflict, StageError
from stage_ci.rules.claim import InputDigest, claim_ref, claim_text
from stage_ci.rules.decisions import VersionState
from stage_ci.rules.record import Record, raise_if_swapped
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.verdict import Verdict
from stage_ci.rules.version import Version
from stage_ci.steps.checks import IMAGE_CHECKS, SCAN, Check, CheckResult, Subject
from stage_ci.steps.evidence import Facts, push_evidence
from stage_ci.steps.progress import Progress
from stage_ci.steps.record import wait_for_record, write_record
from stage_ci.steps.remotes import Remotes, announce, connect
from stage_ci.steps.request import ReleaseRequest
from stage_ci.steps.rescan import judge
from stage_ci.steps.retry import ATTEMPTS, retry_on_conflict
from stage_ci.steps.signing import rehearsal_signer
from stage_ci.steps.version import image_inputs, resolve_version


@dataclass(frozen=True, slots=True)
class Publication:
    """What a run publishes.

    Attributes:
        image: The image.
        archive: The same image as an archive.
        facts: What the run knows about it, for the evidence.
        judge: Scans a recorded image as this run scanned its own.
    """

    image: dagger.Container
    archive: Archive
    facts: Facts
    judge: Callable[[Record], Awaitable[Verdict]]

    @classmethod
    async def of(
        cls, subject: Subject, results: Mapping[Check, CheckResult], request: ReleaseRequest, remotes: Remotes
    ) -> Self:
        """Return the publication of a subject that passed its checks, among them the scan."""
        image, archive = await subject.candidate.parts()
        scan = results[SCAN]
        assert isinstance(scan.report, Verdict)  # noqa: S101 - the report of a scan
        signer = partial(rehearsal_signer, remotes.infrastructure) if request.servers() else request.signing.signer
        sbom = scan.files.file(SBOM).contents
        facts = Facts(image.inputs, request.revision, scan.report, sbom, signer, dag.version)

        async def judge_recorded(record: Record) -> Verdict:
            return (await judge(record, subject, remotes))[0]

        return cls(image.container, archive, facts, judge_recorded)

    async def fault_of(self, released: Record) -> str:
        """Return why a released image of the same inputs must not be used any more; empty if it may be.

        Builds of equal inputs can differ if the Dockerfile installs what is not pinned. Then this run's scan says
        nothing about the released image.

        Raises:
            ScannerUnavailable: if the scanner fails.
            RegistryError: if the registry denies access or fails, or its evidence is invalid.
        """
        if released.digest == self.archive.digest:
            return ""
        verdict = await self.judge(released)
        try:
            verdict.raise_if_failed()
        except StageError as error:
            return f"{released.version}: {error.cause}"
        return ""


@dataclass(frozen=True, slots=True)
class Published:
    """A released version.

    Attributes:
        record: Its record.
        pushed: Whether this run pushed it and recorded it first.
        replaced: The version of the same inputs that it replaces, and why; empty if it replaces none.
    """

    record: Record
    pushed: bool
    replaced: str = ""

    @property
    def version(self) -> Version:
        """The version."""
        return self.record.version

    @property
    def digest(self) -> Digest:
        """The digest of its image."""
        return self.record.digest


class TagTaken(Exception):  # noqa: N818 - not an error: the caller takes the next version
    """The tag of the version that was just claimed names another image."""


async def publish_source(request: ReleaseRequest, source: dagger.Directory) -> str:
    """Publish the image of ``source`` if the checks of the image pass; return ``name:tag@digest``.

    Raises:
        StageError: if a check fails, and as ``publish``.
    """
    announce(servers := request.servers())
    await request.signing.signer()
    subject = Subject.of(request, source, servers, Progress())
    async with connect(request, servers) as remotes:
        passed = await gather_all(check.run_or_raise(subject) for check in IMAGE_CHECKS)
        results = dict(zip(IMAGE_CHECKS, passed, strict=True))
        publication = await Publication.of(subject, results, request, remotes)
        published = await publish(publication, remotes, request.line, subject.progress)
    return f"{request.line.repository}:{published.version}@{published.digest}"


async def publish(publication: Publication, remotes: Remotes, line: ReleaseLine, progress: Progress) -> Published:
    """Publish an image under a new version, or return the version under which its inputs were released before.

    Args:
        publication: The image, as an archive too, and its evidence.
        remotes: The registry and the infrastructure repository.
        line: The image and its version line.
        progress: Gets the time of the claim and the push as ``publish``, that of the evidence, and that of the tag and
            the record as ``record``.

    Raises:
        InvalidInput: if the image is built on a stand-in of this machine and the registry is on the network, or if the
            signing key cannot be read, or the identity token has expired or is rejected.
        SigstoreUnavailable: if a server of Sigstore does not answer or fails.
        RegistryError: if the registry denies access, fails, or shows another digest than was pushed or recorded.
        InfrastructureError: if no version can be claimed or recorded.
    """
    if not remotes.destination.service:
        await raise_if_stand_in(publication.image)
    digest, facts = publication.archive.digest, publication.facts
    rejected, replaced = None, ""
    for _ in range(ATTEMPTS):
        with progress.span("publish"):
            version, released = await claim(facts.inputs.digest, digest, remotes, line, rejected)
            if released:
                if fault := await publication.fault_of(released):
                    rejected, replaced = version, fault
                    continue
                return Published(released, pushed=False)
            await publisher.push(publication.archive, remotes.destination, line.repository)
        with progress.span("evidence"):
            evidence = await push_evidence(facts, version, digest, remotes.registry, line)
        inputs, revision = facts.inputs.digest, facts.revision
        record = Record(line.repository, version, digest, inputs, revision, evidence.digests, evidence.signer)
        with progress.span("record"):
            published = await write_tag(record, remotes, line)
        if published:
            return replace(published, replaced=replaced)
    raise _none_claimed(line)


async def write_tag(record: Record, remotes: Remotes, line: ReleaseLine) -> Published | None:
    """Point the tag of a version at its image and record it; return None if the tag names another image already.

    Args:
        record: The version, and the image that was pushed for it.
        remotes: The registry and the infrastructure repository.
        line: The image and its version line.

    Raises:
        DigestMismatch: if the tag names another image after it was written.
        SwappedTag: if the version was recorded with another image meanwhile.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    found = await remotes.registry.tag(str(record.version), record.digest)
    if found and found != record.digest:
        return None  # a concurrent run of the same inputs, or another client without a claim
    return await verify_tag(record, remotes, line)


async def verify_tag(record: Record, remotes: Remotes, line: ReleaseLine) -> Published:
    """Return the image under the tag of a version, which must be the one pushed or that of a concurrent run.

    Raises:
        DigestMismatch: if the tag is missing, or names an image that is not recorded.
        SwappedTag: if the version is recorded with another image.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    held = await remotes.registry.digest(str(record.version), pushed=True)
    if held == record.digest:
        before = await write_record(record, remotes.infrastructure, line)
        return Published(before or record, pushed=before is None)
    # Two runs of the same inputs on two engines may write the tag at the same moment; the last one records it.
    if held and await image_inputs(str(held), remotes.registry) == record.inputs:
        other = await wait_for_record(record.version, remotes.infrastructure, line)
        if other:
            raise_if_swapped(other, held)
            return Published(other, pushed=False)
    raise DigestMismatch(f"{line.repository}:{record.version} is {held or 'missing'} after {record.digest} was pushed")


async def claim(
    inputs: InputDigest, built: Digest, remotes: Remotes, line: ReleaseLine, rejected: Version | None = None
) -> tuple[Version, Record | None]:
    """Claim a version for ``inputs`` unless they have one; return it, and its record if it was released before.

    Args:
        inputs: The digest of the inputs.
        built: The digest of the image that the run would push.
        remotes: The registry and the infrastructure repository.
        line: The image and its version line.
        rejected: A version of the inputs that must not be used any more; None for none.

    Raises:
        SwappedTag: if the registry shows another image than the record of the claimed version.
        InfrastructureConflict: if other runs claimed the version first in every attempt.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    try:
        return await retry_on_conflict(RefConflict, TagTaken)(_claim_once, inputs, built, remotes, line, rejected)
    except (RefConflict, TagTaken):
        raise _none_claimed(line) from None


async def _claim_once(
    inputs: InputDigest, built: Digest, remotes: Remotes, line: ReleaseLine, rejected: Version | None
) -> tuple[Version, Record | None]:
    decision = await resolve_version(inputs, remotes, line, built, rejected)
    version = decision.version
    if decision.state is VersionState.NEW:
        await remotes.infrastructure.create(claim_ref(line.repository, version), claim_text(line.repository, inputs))
        # Another client may have pushed the tag without a claim since the listing.
        if await remotes.registry.digest(str(version)) not in (None, built):
            raise TagTaken
    return version, decision.record


def _none_claimed(line: ReleaseLine) -> InfrastructureConflict:
    return InfrastructureConflict(f"no version of {line.repository} could be claimed", step="claim")
