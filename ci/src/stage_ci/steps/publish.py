"""Claims a version, pushes the archive, writes the tag last, verifies the tag's digest, and records it."""

from dataclasses import dataclass

import dagger

from stage_ci.adapters import publisher
from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.image import Archive, raise_if_stand_in
from stage_ci.adapters.infrastructure import RefConflict
from stage_ci.errors import DigestMismatch, InfrastructureConflict
from stage_ci.rules.claim import InputDigest, claim_ref, claim_text
from stage_ci.rules.decisions import VersionState
from stage_ci.rules.record import Record, raise_if_swapped
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.revision import Revision
from stage_ci.rules.version import Version
from stage_ci.steps.candidate import Image
from stage_ci.steps.checks import IMAGE_CHECKS, Subject
from stage_ci.steps.progress import Progress
from stage_ci.steps.record import wait_for_record, write_record
from stage_ci.steps.remotes import Remotes, announce, connect
from stage_ci.steps.request import ReleaseRequest
from stage_ci.steps.retry import ATTEMPTS, retry_on_conflict
from stage_ci.steps.version import image_inputs, resolve_version


@dataclass(frozen=True, slots=True)
class Published:
    """A released version; ``pushed`` is True if this run pushed it and recorded it first."""

    version: Version
    digest: Digest
    pushed: bool


class TagTaken(Exception):  # noqa: N818 - not an error: the caller takes the next version
    """The tag of the version that was just claimed names another image."""


async def publish_source(request: ReleaseRequest, source: dagger.Directory, addresses: list[str] | None) -> str:
    """Publish the image of ``source`` if the checks of the image pass; return ``name:tag@digest``.

    Raises:
        StageError: if a check fails, and as ``publish``.
    """
    announce(servers := request.servers())
    subject = Subject.of(request, source, addresses, servers, Progress())
    async with connect(request, servers) as remotes:
        await gather_all(check.run_or_raise(subject) for check in IMAGE_CHECKS)
        published = await publish(*await subject.candidate.parts(), remotes, request.line, request.revision)
    return f"{request.line.repository}:{published.version}@{published.digest}"


async def publish(
    image: Image, archive: Archive, remotes: Remotes, line: ReleaseLine, revision: Revision | None = None
) -> Published:
    """Publish an image under a new version, or return the version under which its inputs were released before.

    Args:
        image: The image.
        archive: The same image as an archive.
        remotes: The registry and the infrastructure repository.
        line: The image and its version line.
        revision: The revision of its source, for the record.

    Raises:
        InvalidInput: if the image is built on a stand-in of this machine and the registry is on the network.
        RegistryError: if the registry denies access, fails, or shows another digest than was pushed or recorded.
        InfrastructureError: if no version can be claimed or recorded.
    """
    if not remotes.destination.service:
        await raise_if_stand_in(image.container)
    for _ in range(ATTEMPTS):
        version, released = await claim(image.inputs, archive.digest, remotes, line)
        if released:
            return Published(version, released, pushed=False)
        await publisher.push(archive, remotes.destination, line.repository)
        record = Record(line.repository, version, archive.digest, image.inputs, revision)
        if published := await write_tag(record, remotes, line):
            return published
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
    held = await remotes.registry.digest(str(record.version))
    if held == record.digest:
        return Published(record.version, held, pushed=await write_record(record, remotes.infrastructure, line))
    # Two runs of the same inputs on two engines may write the tag at the same moment; the last one records it.
    if held and await image_inputs(str(held), remotes.registry) == record.inputs:
        other = await wait_for_record(record.version, remotes.infrastructure, line)
        if other:
            raise_if_swapped(other, held)
            return Published(record.version, held, pushed=False)
    raise DigestMismatch(f"{line.repository}:{record.version} is {held or 'missing'} after {record.digest} was pushed")


async def claim(
    inputs: InputDigest, built: Digest, remotes: Remotes, line: ReleaseLine
) -> tuple[Version, Digest | None]:
    """Claim a version for ``inputs`` unless they have one; return it, and its digest if it was released before.

    Args:
        inputs: The digest of the inputs.
        built: The digest of the image that the run would push.
        remotes: The registry and the infrastructure repository.
        line: The image and its version line.

    Raises:
        SwappedTag: if the registry shows another image than the record of the claimed version.
        InfrastructureConflict: if other runs claimed the version first in every attempt.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    try:
        return await retry_on_conflict(RefConflict, TagTaken)(_claim_once, inputs, built, remotes, line)
    except (RefConflict, TagTaken):
        raise _none_claimed(line) from None


async def _claim_once(
    inputs: InputDigest, built: Digest, remotes: Remotes, line: ReleaseLine
) -> tuple[Version, Digest | None]:
    decision = await resolve_version(inputs, remotes, line, built)
    version = decision.version
    if decision.state is VersionState.NEW:
        await remotes.infrastructure.create(claim_ref(line.repository, version), claim_text(line.repository, inputs))
        # Another client may have pushed the tag without a claim since the listing.
        if await remotes.registry.digest(str(version)) not in (None, built):
            raise TagTaken
    return version, decision.digest


def _none_claimed(line: ReleaseLine) -> InfrastructureConflict:
    return InfrastructureConflict(f"no version of {line.repository} could be claimed", step="claim")
