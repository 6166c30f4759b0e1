"""Claims a version, pushes the archive, writes the tag last, and verifies the tag's digest."""

from dataclasses import dataclass

import dagger

from stage_ci.adapters import publisher
from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.image import Archive, raise_if_stand_in
from stage_ci.adapters.infrastructure import RefConflict
from stage_ci.errors import DigestMismatch, InfrastructureConflict
from stage_ci.rules.claim import InputDigest, claim_ref, claim_text
from stage_ci.rules.decisions import VersionState
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.version import Version
from stage_ci.steps.candidate import Image
from stage_ci.steps.checks import IMAGE_CHECKS, Subject
from stage_ci.steps.progress import Progress
from stage_ci.steps.remotes import Remotes, announce, connect
from stage_ci.steps.request import ReleaseRequest
from stage_ci.steps.retry import ATTEMPTS, retry_on_conflict
from stage_ci.steps.version import image_inputs, resolve_version


@dataclass(frozen=True, slots=True)
class Published:
    """A version in the registry; ``pushed`` is True if this run pushed it."""

    version: Version
    digest: Digest
    pushed: bool


class TagTaken(Exception):  # noqa: N818 - not an error: the caller takes the next version
    """The tag of the claimed version names an image of other inputs."""


async def publish_source(request: ReleaseRequest, source: dagger.Directory, addresses: list[str] | None) -> str:
    """Publish the image of ``source`` if the checks of the image pass; return ``name:tag@digest``.

    Raises:
        StageError: if a check fails, and as ``publish``.
    """
    announce(servers := request.servers())
    subject = Subject.of(request, source, addresses, servers, Progress())
    async with connect(request, servers) as remotes:
        await gather_all(check.run_or_raise(subject) for check in IMAGE_CHECKS)
        published = await publish(*await subject.candidate.parts(), remotes, request.line)
    return f"{request.line.repository}:{published.version}@{published.digest}"


async def publish(image: Image, archive: Archive, remotes: Remotes, line: ReleaseLine) -> Published:
    """Publish an image under a new version, or return the version under which its inputs were published before.

    Raises:
        InvalidInput: if the image is built on a stand-in of this machine and the registry is on the network.
        RegistryError: if the registry denies access, fails, or reports another digest than was pushed.
        InfrastructureError: if no version can be claimed.
    """
    if not remotes.destination.service:
        await raise_if_stand_in(image.container)
    for _ in range(ATTEMPTS):
        version, digest = await claim(image.inputs, remotes, line)
        published = (
            Published(version, digest, pushed=False)
            if digest
            else await _push(archive, image.inputs, version, remotes, line)
        )
        if published:
            return published
    raise _none_claimed(line)


async def _push(
    archive: Archive, inputs: InputDigest, version: Version, remotes: Remotes, line: ReleaseLine
) -> Published | None:
    await publisher.push(archive, remotes.destination, line.repository)
    return await write_tag(archive.digest, inputs, version, remotes, line)


async def write_tag(
    pushed: Digest, inputs: InputDigest, version: Version, remotes: Remotes, line: ReleaseLine
) -> Published | None:
    """Point the tag of ``version`` at ``pushed``; return None if the tag names an image of other inputs.

    Raises:
        DigestMismatch: if the tag names another image after it was written.
        RegistryError: if the registry denies access or fails.
    """
    found = await remotes.registry.tag(str(version), pushed)
    if found and found != pushed and await image_inputs(str(found), remotes.registry) != inputs:
        return None  # another client pushed the tag without a claim
    return await verify_tag(pushed, inputs, version, remotes, line)


async def verify_tag(
    pushed: Digest, inputs: InputDigest, version: Version, remotes: Remotes, line: ReleaseLine
) -> Published:
    """Return the image under the tag of ``version``, which must be ``pushed`` or an image of the same inputs.

    Raises:
        DigestMismatch: if the tag is missing or names another image.
        RegistryError: if the registry denies access or fails.
    """
    held = await remotes.registry.digest(str(version))
    if held == pushed:
        return Published(version, pushed, pushed=True)
    # A concurrent run of the same inputs may have pushed its own build.
    if held and await image_inputs(str(held), remotes.registry) == inputs:
        return Published(version, held, pushed=False)
    raise DigestMismatch(f"{line.repository}:{version} is {held or 'missing'} after {pushed} was pushed")


async def claim(inputs: InputDigest, remotes: Remotes, line: ReleaseLine) -> tuple[Version, Digest | None]:
    """Claim a version for ``inputs`` unless they have one; return it, and its digest if it was published before.

    Raises:
        InfrastructureConflict: if other runs claimed the version first in every attempt.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    try:
        return await retry_on_conflict(RefConflict, TagTaken)(_claim_once, inputs, remotes, line)
    except (RefConflict, TagTaken):
        raise _none_claimed(line) from None


async def _claim_once(inputs: InputDigest, remotes: Remotes, line: ReleaseLine) -> tuple[Version, Digest | None]:
    decision = await resolve_version(inputs, remotes, line)
    version = decision.version
    if decision.state is VersionState.NEW:
        await remotes.infrastructure.create(claim_ref(line.repository, version), claim_text(line.repository, inputs))
    # Another client may have pushed the tag without a claim since the listing.
    digest = await remotes.registry.digest(str(version))
    if digest and await image_inputs(str(version), remotes.registry) != inputs:
        raise TagTaken
    return version, digest


def _none_claimed(line: ReleaseLine) -> InfrastructureConflict:
    return InfrastructureConflict(f"no version of {line.repository} could be claimed", step="claim")
