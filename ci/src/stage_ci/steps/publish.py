"""Claim a version, push the archive, let the version name it, and make sure that the registry says the same."""

from dataclasses import dataclass

from stage_ci.adapters import publisher
from stage_ci.adapters.image import require_public_bases
from stage_ci.adapters.infrastructure import RefConflict, claim_object
from stage_ci.adapters.registry import Registry
from stage_ci.errors import DigestMismatch, InfrastructureConflict
from stage_ci.rules.claim import Claims, InputDigest, claim_ref, claim_text, next_free
from stage_ci.rules.reference import Digest
from stage_ci.rules.version import Version
from stage_ci.steps.candidate import Candidate
from stage_ci.steps.gather import gather
from stage_ci.steps.remotes import Remotes
from stage_ci.steps.request import ReleaseLine
from stage_ci.steps.retry import ATTEMPTS, retry_on_conflict


@dataclass(frozen=True, slots=True)
class Published:
    """A version in the registry; ``pushed`` says whether this run pushed it."""

    version: Version
    digest: Digest
    pushed: bool


class TagTaken(Exception):  # noqa: N818 - not an error: the next number is taken
    """The claimed version's tag holds an image of other inputs."""


async def publish(candidate: Candidate, remotes: Remotes, line: ReleaseLine) -> Published:
    """Publish ``candidate`` under a version of its own; what was published before is found again.

    Raises:
        InvalidInput: if the image stands on a stand-in of this machine and would leave it.
        RegistryError: if the registry refuses, fails, or holds another digest than was pushed.
        InfrastructureError: if no version can be claimed.
    """
    if not remotes.destination.service:
        await require_public_bases(candidate.image)
    for _ in range(ATTEMPTS):
        version, digest = await claim(candidate.inputs, remotes, line)
        if digest:
            return Published(version, digest, pushed=False)
        await publisher.push(candidate.archive, remotes.destination, line.repository)
        published = await tagged(candidate.archive.digest, candidate.inputs, version, remotes, line)
        if published:
            return published
    raise _none_claimed(line)


async def tagged(
    pushed: Digest, inputs: InputDigest, version: Version, remotes: Remotes, line: ReleaseLine
) -> Published | None:
    """Let the tag of ``version`` name ``pushed``; None if it names an image of other inputs already.

    Raises:
        DigestMismatch: if the registry says something else of the tag that was just written.
        RegistryError: if the registry refuses or fails.
    """
    found = await remotes.registry.tag(str(version), pushed)
    if found and found != pushed and await _inputs_of(str(found), remotes.registry) != inputs:
        return None  # pushed since the claim, by somebody who claims nothing
    return await verified(pushed, inputs, version, remotes, line)


async def verified(
    pushed: Digest, inputs: InputDigest, version: Version, remotes: Remotes, line: ReleaseLine
) -> Published:
    """Return what the registry holds under ``version``, where ``pushed`` ought to lie.

    Raises:
        DigestMismatch: if it holds anything but that, or an image of the same inputs.
        RegistryError: if the registry refuses or fails.
    """
    held = await remotes.registry.digest(str(version))
    if held == pushed:
        return Published(version, pushed, pushed=True)
    # Another run of the same inputs may have pushed at the same moment, from another build of them.
    if held and await _inputs_of(str(held), remotes.registry) == inputs:
        return Published(version, held, pushed=False)
    raise DigestMismatch(f"{line.repository}:{version} is {held or 'missing'} after {pushed} was pushed")


async def claim(inputs: InputDigest, remotes: Remotes, line: ReleaseLine) -> tuple[Version, Digest | None]:
    """Return the version that belongs to ``inputs``, and the digest under it if it was pushed already.

    Raises:
        InfrastructureConflict: if other runs won every race within the bound.
        RegistryError: if the registry refuses or fails.
        InfrastructureError: if the infrastructure repository refuses or fails.
    """
    text = claim_text(line.repository, inputs)
    try:
        return await retry_on_conflict(RefConflict, TagTaken)(_claim_once, inputs, text, remotes, line)
    except (RefConflict, TagTaken):
        raise _none_claimed(line) from None


def _none_claimed(line: ReleaseLine) -> InfrastructureConflict:
    return InfrastructureConflict(f"no version of {line.repository} could be claimed", step="claim")


async def _claim_once(
    inputs: InputDigest, text: str, remotes: Remotes, line: ReleaseLine
) -> tuple[Version, Digest | None]:
    refs, tags = await gather(remotes.infrastructure.refs(), remotes.registry.tags())
    claims = Claims.read(refs, line.repository, line.versions)
    version = claims.claimed_with(claim_object(text))
    if version is None or await _foreign(version, tags, inputs, remotes.registry):
        version = next_free(line.versions, tags, claims)
        await remotes.infrastructure.create(claim_ref(line.repository, version), text)
    # Somebody who claims nothing may have pushed the tag since the listing.
    digest = await remotes.registry.digest(str(version))
    if digest and await _inputs_of(str(version), remotes.registry) != inputs:
        raise TagTaken
    return version, digest


async def _foreign(version: Version, tags: list[str], inputs: InputDigest, registry: Registry) -> bool:
    return str(version) in tags and await _inputs_of(str(version), registry) != inputs


async def _inputs_of(reference: str, registry: Registry) -> InputDigest | None:
    """Return the inputs that the image at a tag or digest says it was made from; None if it says nothing usable."""
    return InputDigest.read(await registry.labels(reference) or {})
