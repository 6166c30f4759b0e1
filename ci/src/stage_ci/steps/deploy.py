"""Name a version in the infrastructure repository's manifest, whoever else is writing to it."""

import tempfile
from dataclasses import dataclass
from typing import Final

import anyio
import dagger

from stage_ci.adapters.commands import step
from stage_ci.adapters.infrastructure import Infrastructure, Raced
from stage_ci.adapters.registry import Registry
from stage_ci.errors import InfrastructureBusy, InvalidVersion, ManifestMissing
from stage_ci.rules.manifest import Change, Edit, Target, update
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, newer_than, require_line
from stage_ci.rules.version import Version
from stage_ci.steps.order import Line, Place
from stage_ci.steps.retry import against_others

# Stands for the digest that is not known before the push.
ANY_DIGEST: Final = Digest("sha256:" + "0" * 64)


@dataclass(frozen=True, slots=True)
class Deployed:
    """The infrastructure commit that names the version, what it changed, and a newer version that was left alone."""

    commit: str
    changes: tuple[Change, ...]
    superseded_by: Version | None = None

    def lines(self, filename: Filename) -> tuple[str, ...]:
        """Return a line for each reference of ``filename`` that changed."""
        return tuple(f"{filename}:{change.line} {change.old} -> {change.new}" for change in self.changes)

    def text(self, filename: Filename) -> str:
        """Return what happened to ``filename``, a line for each reference."""
        if self.superseded_by:
            return f"{filename} names {self.superseded_by}, which is newer: left as it is\n"
        return "\n".join([*(self.lines(filename) or [f"{filename} names it already"]), f"commit {self.commit}", ""])


async def deploy(
    infrastructure: Infrastructure, place: Place, line: Line, version: Version, digest: Digest | None
) -> Deployed:
    """Make the manifest at ``place`` name ``version``; never go back from a newer one.

    Raises:
        ManifestError: if the manifest cannot be edited.
        InfrastructureBusy: if other writers won every race within the bound.
        InfrastructureError: if the infrastructure repository refuses or fails.
    """
    target = Target(line.repository, str(version), digest)
    try:
        return await against_others(Raced)(_deploy_once, infrastructure, place, line, version, target)
    except Raced:
        raise InfrastructureBusy(f"{place.filename} could not be pushed to {place.branch}") from None


async def require_editable(infrastructure: Infrastructure, place: Place, line: Line) -> None:
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
    infrastructure: Infrastructure, place: Place, line: Line, version: Version, target: Target
) -> Deployed:
    snapshot = await infrastructure.snapshot(place.branch)
    edit = update(snapshot.read(str(place.filename)), target, filename=str(place.filename))
    if newer := newer_than(version, edit.tags, line.versions):
        return Deployed(snapshot.commit, (), newer)
    if not edit.changed:
        return Deployed(snapshot.commit, ())
    message = commit_message(place.filename, edit, target)
    commit = await infrastructure.commit(snapshot, place.branch, str(place.filename), edit.content, message)
    return Deployed(commit, _moved(edit))


def commit_message(filename: Filename, edit: Edit, target: Target) -> str:
    """Return the message of a deploying commit: what moved where, for `git log`."""
    moved = "\n".join(f"{change.path}: {change.old} -> {change.new}" for change in _moved(edit))
    digest = f"\n\nImage-Digest: {target.digest}" if target.digest else ""
    return f"{filename}: {target.repository.path} {target.tag}\n\n{moved}{digest}\n"


def _moved(edit: Edit) -> tuple[Change, ...]:
    return tuple(change for change in edit.changes if change.old != change.new)


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
    after = update(before, target, filename=str(filename)).content.decode()
    return infra.with_new_file(str(filename), after).changes(infra)


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
