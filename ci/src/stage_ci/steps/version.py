"""Finds the version of a set of inputs in the current state of the registry and the infrastructure repository."""

import sys

from stage_ci.adapters.gather import gather
from stage_ci.adapters.registry import Registry
from stage_ci.errors import InvalidVersion
from stage_ci.rules.claim import Claims, InputDigest, claim_prefix, claim_text
from stage_ci.rules.decisions import ClaimedVersion, VersionDecision, decide_version
from stage_ci.rules.record import Record, raise_if_swapped, record_prefix, recorded_versions
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.version import Version, counted, strays
from stage_ci.steps.record import read_record, wait_for_record
from stage_ci.steps.remotes import Remotes, connect
from stage_ci.steps.request import ReleaseRequest


async def resolve_version(
    inputs: InputDigest | None,
    remotes: Remotes,
    line: ReleaseLine,
    built: Digest | None = None,
    rejected: Version | None = None,
) -> VersionDecision:
    """Return the version for ``inputs``; for None, the version for inputs that were never released.

    Args:
        inputs: The digest of the inputs.
        remotes: The registry and the infrastructure repository.
        line: The image and its version line.
        built: The digest of the image that the run would push; None if it builds none.
        rejected: A version of the inputs that must not be used any more; None for none.

    Raises:
        SwappedTag: if the registry shows another image than the version's record.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails, or a record is invalid.
    """
    refs, tags = await gather(
        remotes.infrastructure.refs(claim_prefix(line.repository), record_prefix(line.repository)),
        remotes.registry.tags(),
    )
    claims = Claims.read(refs, line.repository, line.versions)
    recorded = recorded_versions(refs, line.repository, line.versions)
    version = claims.claimed_with(*_claim_ids(inputs, remotes, line)) if inputs else None
    claimed = None
    if inputs and version and version != rejected:
        if version in recorded:
            record, found = await _record_and_digest(version, remotes, line)
            claimed = ClaimedVersion(version, record, found, built)
        else:
            claimed = await _unrecorded_version(version, inputs, remotes, line, built)
    taken = claims.by_version.keys() | recorded
    for stray in strays(line.versions, tags, taken):
        note = f"{line.repository}:{stray} does not count: it is far above every other version and was never claimed"
        print(note, file=sys.stderr)  # noqa: T201 - standard output holds the result alone
    return decide_version(line.versions, taken, tags, claimed)


def _claim_ids(inputs: InputDigest, remotes: Remotes, line: ReleaseLine) -> set[str]:
    return remotes.infrastructure.text_ids(claim_text(line.repository, inputs))


async def _unrecorded_version(
    version: Version, inputs: InputDigest, remotes: Remotes, line: ReleaseLine, built: Digest | None
) -> ClaimedVersion:
    found = await remotes.registry.digest(str(version))
    if found in (None, built):
        return ClaimedVersion(version, None, found, built)
    has_inputs = await image_inputs(str(found), remotes.registry) == inputs
    if has_inputs and built is None:
        return ClaimedVersion(version, None, found, built)
    record = await wait_for_record(version, remotes.infrastructure, line) if has_inputs else None
    return ClaimedVersion(version, record, found, built, is_foreign=record is None)


async def next_version(request: ReleaseRequest) -> str:
    """Return the version that the next release of new inputs gets.

    Raises:
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    async with connect(request, request.selected_servers()) as remotes:
        return str((await resolve_version(None, remotes, request.line)).version)


async def latest_version(request: ReleaseRequest) -> str:
    """Return the highest version of the line that is recorded and in the registry; empty if there is none.

    As long as no version of the line is recorded, the highest one in the registry counts.

    Raises:
        SwappedTag: if the registry shows another image for it than its record.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails, or the record is invalid.
    """
    line = request.line
    async with connect(request, request.selected_servers()) as remotes:
        tags = await remotes.registry.tags()
        tagged = line.versions.select(tags)
        refs = await remotes.infrastructure.refs(record_prefix(line.repository)) if tagged else {}
        recorded = recorded_versions(refs, line.repository, line.versions)
        released = [version for version in tagged if version in recorded]
        latest = max(released if recorded else counted(line.versions, tags, recorded), default=None)
        if latest in recorded:
            await released_record(latest, remotes, line)
    return str(latest or "")


async def image_inputs(reference: str, registry: Registry) -> InputDigest | None:
    """Return the inputs in the label of the image under a tag or digest; None if the label is missing or invalid."""
    return InputDigest.read(await registry.labels(reference) or {})


async def released_record(version: Version, remotes: Remotes, line: ReleaseLine) -> Record:
    """Return the record of a version, which the registry holds as its record says.

    Raises:
        InvalidVersion: if it is not in the registry, or has no record.
        SwappedTag: if the registry shows another image than the record.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails, or the record is invalid.
    """
    record, found = await _released(version, remotes, line)
    if record is None:
        raise InvalidVersion(
            f"{version} has no record, so only the registry says what it is",
            step="record",
            remedy=f"if {found} is what you expect, deploy it with --allow-unrecorded",
        )
    return record


async def unrecorded_digest(version: Version, remotes: Remotes, line: ReleaseLine) -> Digest:
    """Return the digest of a version in the registry, which must be that of its record if it has one.

    Raises:
        InvalidVersion: if it is not in the registry.
        SwappedTag: if the registry shows another image than the record.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails, or the record is invalid.
    """
    return (await _released(version, remotes, line))[1]


async def _released(version: Version, remotes: Remotes, line: ReleaseLine) -> tuple[Record | None, Digest]:
    record, found = await _record_and_digest(version, remotes, line)
    if found is None:
        raise InvalidVersion(
            f"{version} is not in the registry",
            step="registry",
            remedy="publish it first, or give a published version; `latest-version` prints the highest",
        )
    if record:
        raise_if_swapped(record, found)
    return record, found


async def _record_and_digest(
    version: Version, remotes: Remotes, line: ReleaseLine
) -> tuple[Record | None, Digest | None]:
    return await gather(read_record(version, remotes.infrastructure, line), remotes.registry.digest(str(version)))
