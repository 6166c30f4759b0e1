"""The two decisions of a release, each made here and nowhere else.

``decide_version`` answers which version a set of inputs gets; ``next-version``, ``plan``, ``publish`` and ``stage``
ask it. ``decide_move`` answers whether a deployment manifest may be moved to a version; ``update-manifest``, ``plan``,
``deploy`` and ``stage`` ask it. What ``plan`` prints is therefore what ``stage`` does.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from stage_ci.errors import InvalidVersion
from stage_ci.rules.claim import Claims, next_free
from stage_ci.rules.manifest import Change, Edit, Target, update
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, ReleaseLine, held_line, moved_line, superseded_line
from stage_ci.rules.version import Version, VersionLine

# Stands for the digest of an image that is not pushed yet. A registry computes no such digest.
UNKNOWN_DIGEST = Digest("sha256:" + "0" * 64)


class VersionState(StrEnum):
    """How far the release of a set of inputs has come."""

    NEW = "new"
    CLAIMED = "claimed"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class VersionDecision:
    """The version that a set of inputs gets.

    Attributes:
        version: The version.
        state: NEW if it is still to be claimed, CLAIMED if the inputs hold the claim and the registry has no such tag,
            PUBLISHED if the registry holds an image of these inputs under it.
    """

    version: Version
    state: VersionState


def decide_version(
    line: VersionLine, tags: Collection[str], claims: Claims, claimed: Version | None, *, is_foreign: bool
) -> VersionDecision:
    """Return which version a set of inputs gets.

    A claim is kept, so that a run that was interrupted is resumed under the same version. It is given up only if its
    tag names an image of other inputs: somebody pushed that image without a claim, and a tag is never overwritten.

    Args:
        line: The version line.
        tags: All tags in the registry.
        claims: All claims of the line.
        claimed: The version that the inputs hold the claim of; None if they hold none.
        is_foreign: Whether the tag of ``claimed`` names an image of other inputs.

    Raises:
        InvalidVersion: if the line is used up.
    """
    if claimed is None or is_foreign:
        return VersionDecision(next_free(line, tags, claims), VersionState.NEW)
    return VersionDecision(claimed, VersionState.PUBLISHED if str(claimed) in tags else VersionState.CLAIMED)


class MoveState(StrEnum):
    """What becomes of a deployment manifest."""

    MOVED = "moved"
    UNCHANGED = "unchanged"
    HELD = "held"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version that is to be named in a deployment manifest.

    Attributes:
        line: The image and the version line.
        version: The version.
        digest: Its digest, needed where the manifest pins the image by digest; None if it is not known.
        allow_downgrade: Whether the manifest may move back from a newer version of the line.
    """

    line: ReleaseLine
    version: Version
    digest: Digest | None
    allow_downgrade: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a deployment manifest that is to name a version.

    Attributes:
        state: MOVED if ``content`` differs from the manifest, UNCHANGED if the manifest names the version already,
            HELD if a marker holds every reference, SUPERSEDED if it names a newer version.
        content: The manifest as it is to be committed; the original bytes unless the state is MOVED.
        moved: The references that change.
        held: The references that a marker holds.
        newer: The newer version that the manifest names, if the state is SUPERSEDED.
    """

    state: MoveState
    content: bytes
    moved: tuple[Change, ...] = ()
    held: tuple[Change, ...] = ()
    newer: Version | None = None

    def lines(self, filename: Filename) -> tuple[str, ...]:
        """Return one line for each reference that moves or is held, and one for a newer version."""
        moved = (moved_line(filename, change) for change in self.moved)
        return (*moved, *self.reasons(filename))

    def reasons(self, filename: Filename) -> tuple[str, ...]:
        """Return one line for a newer version, and one for each held reference: why something stays as it is."""
        newer = [superseded_line(filename, self.newer)] if self.newer else []
        return (*newer, *(held_line(filename, change) for change in self.held))


def decide_move(manifest: bytes, filename: Filename, deployment: Deployment) -> Move:
    """Return whether a deployment manifest may be moved to a version, and the manifest after the move.

    Args:
        manifest: The manifest's bytes.
        filename: Its path, for messages.
        deployment: The version that the manifest is to name.

    Raises:
        InvalidVersion: if the manifest names a version of a higher line, whatever is allowed.
        ManifestError: if the manifest cannot be edited, or pins a digest and the version's is not known.
    """
    line = deployment.line
    target = Target(line.repository, str(deployment.version), deployment.digest)
    edit = update(manifest, target, filename=str(filename))
    refuse_higher_line(line.versions, edit.tags, filename)
    newer = None if deployment.allow_downgrade else newer_than(deployment.version, edit.tags, line.versions)
    if newer:
        return Move(MoveState.SUPERSEDED, manifest, held=edit.held, newer=newer)
    return Move(_state(edit), edit.content, edit.moved, edit.held)


def raise_if_immovable(manifest: bytes, filename: Filename, line: ReleaseLine) -> None:
    """Raise if no version of the line could be deployed to a manifest, before anything is published.

    Raises:
        InvalidVersion: if the manifest names a version of a higher line.
        ManifestError: if the manifest cannot be edited.
    """
    lowest = Deployment(line, line.versions.version(0), UNKNOWN_DIGEST, allow_downgrade=True)
    decide_move(manifest, filename, lowest)


def newer_than(version: Version, tags: Iterable[str], line: VersionLine) -> Version | None:
    """Return the newest version above ``version`` among a manifest's tags; None if there is none."""
    return max((found for found in line.select(tags) if found > version), default=None)


def refuse_higher_line(line: VersionLine, tags: Iterable[str], filename: Filename) -> None:
    """Raise if a tag of a manifest belongs to a higher line than ``line``: a sibling's, or one left behind.

    Raises:
        InvalidVersion: names the tag and the flag.
    """
    for tag in tags:
        # v2.0.007 is not a version, but belongs to the line v2.0 all the same.
        found = VersionLine.of(f"{tag.rpartition('.')[0]}.0")
        if found and found > line:
            raise InvalidVersion(
                f"{filename} names {tag}, of a higher line than {line}", remedy=f"give --version-line={found}"
            )


def _state(edit: Edit) -> MoveState:
    if edit.changed:
        return MoveState.MOVED
    return MoveState.HELD if len(edit.held) == len(edit.changes) else MoveState.UNCHANGED
