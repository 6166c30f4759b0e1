"""Moves the deployment manifest to a version, also if others write to the infrastructure repository meanwhile."""

import sys
import tempfile
from dataclasses import dataclass

import anyio
import dagger

from stage_ci.adapters.commands import step
from stage_ci.adapters.gather import gather
from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.errors import InfrastructureConflict, ManifestMissing
from stage_ci.rules.decisions import (
    Deployment,
    Move,
    MoveState,
    decide_by_source,
    decide_move,
    raise_if_immovable,
)
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, ReleaseLine, line_version
from stage_ci.rules.version import Version
from stage_ci.steps.record import read_record
from stage_ci.steps.remotes import Remotes, announce, connect
from stage_ci.steps.request import ManifestLocation, ReleaseRequest
from stage_ci.steps.retry import retry_on_conflict
from stage_ci.steps.verify import verify
from stage_ci.steps.version import released_record, unrecorded_digest


@dataclass(frozen=True, slots=True)
class Trust:
    """What a version needs to be deployed.

    Attributes:
        allow_unrecorded: Whether the version may lack a record.
        require_verified: Whether its evidence must be complete and signed.
    """

    allow_unrecorded: bool = False
    require_verified: bool = False


@dataclass(frozen=True, slots=True)
class WantedVersion:
    """The version to deploy, as the caller gives it.

    Attributes:
        image_version: The version.
        allow_downgrade: Whether the manifest may move back to an older version.
        trust: What the version needs to be deployed.
        image_digest: Its digest; empty if the caller gives none.
    """

    image_version: str
    allow_downgrade: bool = False
    trust: Trust = Trust()
    image_digest: str = ""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The result of a deployment.

    Attributes:
        commit: The new commit; the tip of the branch if no commit was made.
        move: The move, with the references that moved or are held.
    """

    commit: str
    move: Move

    def text(self, filename: Filename) -> str:
        """Return one line for each reference of ``filename`` that moved or stays, and one for the commit."""
        lines = self.move.lines(filename) or [f"{filename} names this version already"]
        return "\n".join([*lines, *self.move.left_lines(filename), f"commit {self.commit}", ""])


async def deploy_version(request: ReleaseRequest, wanted: WantedVersion) -> str:
    """Move the manifest to a released version; return a line for each reference and the commit.

    Raises:
        InvalidVersion: if the version has no record, the registry does not have it, or the manifest names one of a
            higher line.
        SwappedTag: if the registry shows another image than the version's record.
        InvalidEvidence: if verified evidence is required, and a piece is missing or invalid.
        ManifestError: if the manifest cannot be edited.
        RegistryError: if the registry denies access or fails.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    version = line_version(request.line.versions, wanted.image_version)
    announce(servers := request.servers())
    async with connect(request, servers) as remotes:
        digest = await _trusted(version, remotes, request, wanted.trust)
        deployment = Deployment(request.line, version, digest, wanted.allow_downgrade)
        deployed = await deploy(remotes.infrastructure, request.manifest, deployment)
    return deployed.text(request.manifest.filename)


async def _trusted(version: Version, remotes: Remotes, request: ReleaseRequest, trust: Trust) -> Digest:
    if trust.allow_unrecorded and not trust.require_verified:
        return await unrecorded_digest(version, remotes, request.line)
    record = await released_record(version, remotes, request.line)
    if trust.require_verified:
        await verify(record, remotes, request.signing)
    return record.digest


async def deploy(infrastructure: Infrastructure, manifest: ManifestLocation, deployment: Deployment) -> Deployed:
    """Move the manifest to a version, in one commit on the tip of its branch.

    Raises:
        InvalidVersion: if the manifest names a version of a higher line.
        ManifestError: if the manifest cannot be edited.
        InfrastructureConflict: if other writers changed the branch first in every attempt.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    try:
        return await retry_on_conflict(RefConflict)(_deploy_once, infrastructure, manifest, deployment)
    except RefConflict:
        raise InfrastructureConflict(f"{manifest.filename} could not be pushed to {manifest.branch}") from None


async def raise_if_undeployable(infrastructure: Infrastructure, manifest: ManifestLocation, line: ReleaseLine) -> None:
    """Raise if the manifest could not be moved to any version of the line, before anything is published.

    Raises:
        ManifestError: if the manifest cannot be edited.
        InvalidVersion: if the manifest names a version of a higher line.
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    snapshot, _ = await gather(
        infrastructure.snapshot(manifest.branch, str(manifest.filename)),
        infrastructure.raise_if_protected(manifest.branch),
    )
    raise_if_immovable(snapshot.read(str(manifest.filename)), manifest.filename, line)


async def _deploy_once(infrastructure: Infrastructure, manifest: ManifestLocation, deployment: Deployment) -> Deployed:
    filename = str(manifest.filename)
    snapshot = await infrastructure.snapshot(manifest.branch, filename)
    before = snapshot.read(filename)
    move = await decide(before, infrastructure, manifest.filename, deployment)
    if move.state is not MoveState.MOVED:
        return Deployed(snapshot.commit, move)
    message = commit_message(manifest.filename, move, deployment)
    commit = await infrastructure.commit(snapshot, manifest.branch, filename, move.content, message)
    return Deployed(commit, move)


async def decide(before: bytes, infrastructure: Infrastructure, filename: Filename, deployment: Deployment) -> Move:
    """Decide whether a manifest may be moved to a version, also by the source of the version that it names.

    Raises:
        InvalidVersion: if the manifest names a version of a higher line.
        ManifestError: if the manifest cannot be edited.
        InfrastructureError: if the infrastructure repository denies access or fails, or the record is invalid.
    """
    move = decide_move(before, filename, deployment)
    if move.state is not MoveState.MOVED or not move.named or not deployment.revision or deployment.allow_downgrade:
        return move
    return decide_by_source(move, before, deployment, await read_record(move.named, infrastructure, deployment.line))


def commit_message(filename: Filename, move: Move, deployment: Deployment) -> str:
    """Return the commit message of a deployment: the version, each reference that moves, digest and source."""
    moved = "\n".join(f"{change.path}: {change.old} -> {change.new}" for change in move.moved)
    trailers = [f"Image-Digest: {deployment.digest}"] if deployment.digest else []
    trailers += [f"Source-Revision: {deployment.revision.commit}"] if deployment.revision else []
    body = "\n\n".join(filter(None, [moved, "\n".join(trailers)]))
    return f"{filename}: {deployment.line.repository.path} {deployment.version}\n\n{body}\n"


async def update_manifest(request: ReleaseRequest, infra: dagger.Directory, wanted: WantedVersion) -> dagger.Changeset:
    """Return the change that moves the manifest in the folder ``infra`` to a version.

    Raises:
        InvalidVersion: if it is not a version of the line, or the manifest names one of a higher line.
        InvalidDigest: if the digest cannot be parsed.
        ManifestError: if the manifest is missing or cannot be edited.
    """
    version = line_version(request.line.versions, wanted.image_version)
    digest = Digest.parse(wanted.image_digest) if wanted.image_digest else None
    deployment = Deployment(request.line, version, digest, wanted.allow_downgrade)
    return await edit_manifest(infra, request.manifest.filename, deployment)


@step("manifest")
async def edit_manifest(infra: dagger.Directory, filename: Filename, deployment: Deployment) -> dagger.Changeset:
    """Return the change that moves ``filename`` of the folder ``infra`` to a version; empty if nothing moves.

    Raises:
        InvalidVersion: if the manifest names a version of a higher line.
        ManifestError: if the manifest is missing or cannot be edited.
    """
    if not await infra.exists(str(filename), expected_type=dagger.ExistsType.REGULAR_TYPE, do_not_follow_symlinks=True):
        raise ManifestMissing(f"{filename} is not a regular file of the given folder")
    with tempfile.TemporaryDirectory() as folder:
        # File.contents() replaces bytes that are not UTF-8; an exported file keeps them.
        await infra.file(str(filename)).export(f"{folder}/manifest")
        before = await anyio.Path(folder, "manifest").read_bytes()
    move = decide_move(before, filename, deployment)
    for line in (*move.reasons(filename), *move.left_lines(filename)):
        print(line, file=sys.stderr)  # noqa: T201 - standard output holds the change alone
    return infra.with_new_file(str(filename), move.content.decode()).changes(infra)
