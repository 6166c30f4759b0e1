"""Name a version in the infrastructure repository's manifest, whoever else is writing to it."""

import sys
import tempfile
from dataclasses import dataclass
from typing import Final

import anyio
import dagger

from stage_ci.adapters.commands import step
from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.adapters.registry import Registry
from stage_ci.errors import InfrastructureConflict, InvalidVersion, ManifestMissing
from stage_ci.rules.manifest import Change, Edit, Target, update
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, held_line, moved_line, newer_than, require_line, superseded_line
from stage_ci.rules.version import Version
from stage_ci.steps.request import ManifestLocation, ReleaseLine
from stage_ci.steps.retry import retry_on_conflict

# Stands for the digest that is not known before the push.
ANY_DIGEST: Final = Digest("sha256:" + "0" * 64)


@dataclass(frozen=True, slots=True)
class Deployed:
    """What became of a manifest.

    Attributes:
        commit: The infrastructure commit that names the version, or the one that was looked at if none had to be made.
        changes: The references that were moved.
        held: The references that a marker kept from naming the version.
        superseded_by: The newer version for which the manifest was left alone.
        all_held: Whether there is no reference to the image but the held ones.
    """

    commit: str
    changes: tuple[Change, ...] = ()
    held: tuple[Change, ...] = ()
    superseded_by: Version | None = None
    all_held: bool = False

    def lines(self, filename: Filename) -> tuple[str, ...]:
        """Return a line for each reference of ``filename`` that was moved or held, and for a newer version."""
        newer = [superseded_line(filename, self.superseded_by)] if self.superseded_by else []
        moved = (moved_line(filename, change) for change in self.changes)
        return (*newer, *moved, *(held_line(filename, change) for change in self.held))

    def text(self, filename: Filename) -> str:
        """Return what happened to ``filename``, a line for each reference."""
        return "\n".join([*(self.lines(filename) or [f"{filename} names it already"]), f"commit {self.commit}", ""])


async def deploy(
    infrastructure: Infrastructure, place: ManifestLocation, line: ReleaseLine, version: Version, digest: Digest | None
) -> Deployed:
    """Make the manifest at ``place`` name ``version``; never go back from a newer one unless ``place`` allows it.

    Raises:
        ManifestError: if the manifest cannot be edited.
        InfrastructureConflict: if other writers won every race within the bound.
        InfrastructureError: if the infrastructure repository refuses or fails.
    """
    target = Target(line.repository, str(version), digest)
    try:
        return await retry_on_conflict(RefConflict)(_deploy_once, infrastructure, place, line, version, target)
    except RefConflict:
        raise InfrastructureConflict(f"{place.filename} could not be pushed to {place.branch}") from None


async def require_editable(infrastructure: Infrastructure, place: ManifestLocation, line: ReleaseLine) -> None:
    """Do nothing if the manifest at ``place`` can be edited: what would fail a deploy must fail before the publishing.

    Raises:
        ManifestError: if the manifest cannot be edited.
        InvalidVersion: if the manifest names a version of a higher line.
        InfrastructureError: if the infrastructure repository refuses or fails.
    """
    snapshot = await infrastructure.snapshot(place.branch)
    any_version = Target(line.repository, str(line.versions.version(0)), ANY_DIGEST)
    edit = update(snapshot.read(str(place.filename)), any_version, filename=str(place.filename))
    require_line(line.versions, edit.tags, str(place.filename))


async def _deploy_once(
    infrastructure: Infrastructure, place: ManifestLocation, line: ReleaseLine, version: Version, target: Target
) -> Deployed:
    snapshot = await infrastructure.snapshot(place.branch)
    edit = update(snapshot.read(str(place.filename)), target, filename=str(place.filename))
    newer = None if place.allow_downgrade else newer_than(version, edit.tags, line.versions)
    if newer or not edit.changed:
        return Deployed(snapshot.commit, (), edit.held, newer, len(edit.held) == len(edit.changes))
    message = commit_message(place.filename, edit, target)
    commit = await infrastructure.commit(snapshot, place.branch, str(place.filename), edit.content, message)
    return Deployed(commit, edit.moved, edit.held)


def commit_message(filename: Filename, edit: Edit, target: Target) -> str:
    """Return the message of a deploying commit: what moved where, for `git log`."""
    moved = "\n".join(f"{change.path}: {change.old} -> {change.new}" for change in edit.moved)
    digest = f"\n\nImage-Digest: {target.digest}" if target.digest else ""
    return f"{filename}: {target.repository.path} {target.tag}\n\n{moved}{digest}\n"


@step("manifest")
async def edited(infra: dagger.Directory, filename: Filename, target: Target) -> dagger.Changeset:
    """Return the change that makes ``filename`` of the folder ``infra`` name ``target``.

    Raises:
        ManifestError: if the manifest is missing or cannot be edited.
    """
    if not await infra.exists(str(filename), expected_type=dagger.ExistsType.REGULAR_TYPE, do_not_follow_symlinks=True):
        raise ManifestMissing(f"{filename} is no file of the given folder")
    with tempfile.TemporaryDirectory() as folder:
        # The API gives text and replaces what is not UTF-8; a file keeps its bytes.
        await infra.file(str(filename)).export(f"{folder}/manifest")
        before = await anyio.Path(folder, "manifest").read_bytes()
    edit = update(before, target, filename=str(filename))
    for change in edit.held:
        print(held_line(filename, change), file=sys.stderr)  # noqa: T201 - the result is the change alone
    return infra.with_new_file(str(filename), edit.content.decode()).changes(infra)


async def published_digest(registry: Registry, version: Version) -> Digest:
    """Return the digest of a version in the registry.

    Raises:
        InvalidVersion: if it is not there.
    """
    digest = await registry.digest(str(version))
    if digest is None:
        msg = f"{version} is not in the registry"
        raise InvalidVersion(
            msg, step="deploy", remedy="publish it first, or give a version that `latest-version` knows"
        )
    return digest
