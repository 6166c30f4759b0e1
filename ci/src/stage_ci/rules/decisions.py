"""The two decisions of a release, each made here and nowhere else.

``decide_version`` decides which version a set of inputs gets, for ``next-version``, ``plan``, ``publish`` and
``stage``. ``decide_move`` decides whether a deployment manifest may be moved to a version, for ``update-manifest``,
``plan``, ``deploy`` and ``stage``. Therefore ``stage`` does what ``plan`` prints.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from stage_ci.errors import InvalidVersion
from stage_ci.rules.manifest import Change, Edit, LeftBehind, Target, update
from stage_ci.rules.record import Record, raise_if_swapped
from stage_ci.rules.reference import Digest, Reference
from stage_ci.rules.release import Filename, ReleaseLine, held_line, left_lines, moved_line, superseded_line
from stage_ci.rules.revision import Revision
from stage_ci.rules.version import Version, VersionLine, next_version

# A placeholder for the digest of an image that is not pushed yet; no image has this digest.
UNKNOWN_DIGEST = Digest("sha256:" + "0" * 64)


class VersionState(StrEnum):
    """The progress of the release of a set of inputs."""

    NEW = "new"
    CLAIMED = "claimed"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class VersionDecision:
    """The version that a set of inputs gets.

    Attributes:
        version: The version.
        state: NEW if no claim exists yet, CLAIMED if the inputs have the claim but the version is not recorded or not
            in the registry, PUBLISHED if it is recorded and in the registry.
        record: The version's record, if the state is PUBLISHED.
    """

    version: Version
    state: VersionState
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class ClaimedVersion:
    """What is known about the version that a set of inputs has claimed.

    Attributes:
        version: The version.
        record: Its record; None if it was never recorded.
        found: The digest in the registry; None if the registry does not have the version.
        built: The digest of the image that this run would push; None if it has built none.
        is_foreign: Whether the image in the registry is known to be another client's.
    """

    version: Version
    record: Record | None
    found: Digest | None
    built: Digest | None
    is_foreign: bool = False


def decide_version(
    line: VersionLine, taken: Collection[Version], tags: Collection[str], claimed: ClaimedVersion | None
) -> VersionDecision:
    """Return which version a set of inputs gets.

    Inputs keep their claim, so that the run after an interrupted one continues with the same version. They get a new
    version if another client has pushed the tag, because a tag is never overwritten; and if the recorded image is gone
    from the registry and was built differently this time, because a version is recorded once.

    Args:
        line: The version line.
        taken: All versions with a claim or a record.
        tags: All tags in the registry.
        claimed: What is known about the version that the inputs have claimed; None if they have no claim.

    Raises:
        SwappedTag: if the registry shows another image than the record.
        InvalidVersion: if the line is used up.
    """
    new = VersionDecision(next_version(line, tags, taken), VersionState.NEW)
    if claimed is None or claimed.is_foreign:
        return new
    if claimed.record is None:
        return VersionDecision(claimed.version, VersionState.CLAIMED)
    raise_if_swapped(claimed.record, claimed.found)
    if claimed.found:
        return VersionDecision(claimed.version, VersionState.PUBLISHED, claimed.record)
    if claimed.built in (None, claimed.record.digest):
        return VersionDecision(claimed.version, VersionState.CLAIMED)
    return new


class MoveState(StrEnum):
    """The effect of a deployment on a manifest, in one word."""

    MOVED = "moved"
    UNCHANGED = "unchanged"
    HELD = "held"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version to deploy.

    Attributes:
        line: The image and the version line.
        version: The version.
        digest: Its digest, needed if the manifest pins the image by digest; None if it is unknown.
        allow_downgrade: Whether the manifest may move back from a newer version of the line, or to an older source.
        revision: The revision of the source; None if it is unknown.
    """

    line: ReleaseLine
    version: Version
    digest: Digest | None
    allow_downgrade: bool = False
    revision: Revision | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """The effect of a deployment on a manifest.

    Attributes:
        state: MOVED if ``content`` differs from the manifest, UNCHANGED if the manifest names the version already,
            HELD if a marker holds every reference, SUPERSEDED if it names a newer version or one of a newer source.
        content: The manifest after the move; the original bytes unless the state is MOVED.
        moved: The references that change.
        held: The references that a marker holds.
        named: The highest version of the line that the manifest names; None if it names none.
        newer: Why the manifest stays, if the state is SUPERSEDED.
        left: What else names the image, and does not move with it.
    """

    state: MoveState
    content: bytes
    moved: tuple[Change, ...] = ()
    held: tuple[Change, ...] = ()
    named: Version | None = None
    newer: str = ""
    left: tuple[LeftBehind, ...] = ()

    def lines(self, filename: Filename) -> tuple[str, ...]:
        """Return one line for each reference that moves or is held, and one for a newer version or source."""
        moved = (moved_line(filename, change) for change in self.moved)
        return (*moved, *self.reasons(filename))

    def reasons(self, filename: Filename) -> tuple[str, ...]:
        """Return the reasons why references stay: a line for a newer version or source, and one for each held one."""
        newer = [superseded_line(filename, self.newer)] if self.newer else []
        return (*newer, *(held_line(filename, change) for change in self.held))

    def left_lines(self, filename: Filename) -> tuple[str, ...]:
        """Return a line for each value that names the image and does not move with it."""
        return left_lines(filename, self.left)


def decide_move(manifest: bytes, filename: Filename, deployment: Deployment) -> Move:
    """Decide whether a deployment manifest may be moved to a version; return the decision and the moved manifest.

    Args:
        manifest: The manifest's bytes.
        filename: Its path, for messages.
        deployment: The version to move it to.

    Raises:
        InvalidVersion: if the manifest names a version of a higher line, even if a downgrade is allowed.
        ManifestError: if the manifest cannot be edited, or pins a digest and that of the version is unknown.
    """
    line = deployment.line
    target = Target(line.repository, str(deployment.version), deployment.digest)
    edit = update(manifest, target, filename=str(filename))
    raise_if_higher_line(line.versions, edit.tags, filename)
    named = max(line.versions.select(edit.tags), default=None)
    if named and named > deployment.version and not deployment.allow_downgrade:
        return Move(MoveState.SUPERSEDED, manifest, (), edit.held, named, f"{named}, which is newer")
    return Move(_state(edit), edit.content, edit.moved, edit.held, named, left=edit.left)


def decide_by_source(move: Move, manifest: bytes, deployment: Deployment, record: Record | None) -> Move:
    """Return ``move``, or that the manifest stays because the version that it names was made from a newer source.

    Args:
        move: The decision of ``decide_move``.
        manifest: The manifest's bytes.
        deployment: The version to move it to.
        record: The record of the version that the manifest names; None if it has none.
    """
    named = record.revision if record else None
    if not record or not named or not deployment.revision or not deployment.revision.is_older_than(named):
        return move
    newer = f"{record.version}, which was made from a newer source ({named})"
    return Move(MoveState.SUPERSEDED, manifest, (), move.held, move.named, newer)


def raise_if_immovable(manifest: bytes, filename: Filename, line: ReleaseLine) -> None:
    """Raise if no version of the line could be deployed to a manifest, before anything is published.

    Raises:
        InvalidVersion: if the manifest names a version of a higher line.
        ManifestError: if the manifest cannot be edited.
    """
    lowest = Deployment(line, line.versions.version(0), UNKNOWN_DIGEST, allow_downgrade=True)
    decide_move(manifest, filename, lowest)


def named_versions(manifest: bytes, filename: Filename, line: ReleaseLine) -> tuple[Version, ...]:
    """Return the versions of a line that a deployment manifest names, held ones too, each once.

    Raises:
        InvalidVersion: if it names none.
        ManifestError: if the manifest cannot be edited.
    """
    edit = update(
        manifest, Target(line.repository, str(line.versions.version(0)), UNKNOWN_DIGEST), filename=str(filename)
    )
    tags = (Reference.parse(change.old).tag for change in edit.changes)
    versions = tuple(sorted(set(line.versions.select(filter(None, tags)))))
    if not versions:
        raise InvalidVersion(
            f"{filename} names no version of {line.versions}", remedy="deploy a version first, or give --version-line"
        )
    return versions


def raise_if_higher_line(line: VersionLine, tags: Iterable[str], filename: Filename) -> None:
    """Raise if a tag of a manifest belongs to a higher line than ``line``.

    Raises:
        InvalidVersion: names the tag, and the flag that selects its line.
    """
    for tag in tags:
        # v2.0.007 is not a version of v2.0, because of its zeros, but it belongs to that line.
        found = VersionLine.of(f"{tag.rpartition('.')[0]}.0")
        if found and found > line:
            raise InvalidVersion(
                f"{filename} names {tag}, of a higher line than {line}", remedy=f"give --version-line={found}"
            )


def _state(edit: Edit) -> MoveState:
    if edit.changed:
        return MoveState.MOVED
    return MoveState.HELD if len(edit.held) == len(edit.changes) else MoveState.UNCHANGED
