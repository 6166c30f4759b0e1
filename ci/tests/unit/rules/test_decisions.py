"""The two decisions of a release: which version inputs get, and whether a manifest may be moved to a version."""

from dataclasses import replace
from typing import Final

import pytest

from stage_ci.errors import ImageNotInManifest, InvalidManifest, InvalidVersion, SwappedTag
from stage_ci.rules.claim import InputDigest
from stage_ci.rules.decisions import (
    ClaimedVersion,
    Deployment,
    MoveState,
    VersionDecision,
    VersionState,
    decide_by_source,
    decide_move,
    decide_version,
    raise_if_higher_line,
    raise_if_immovable,
)
from stage_ci.rules.record import Record
from stage_ci.rules.reference import Digest
from stage_ci.rules.release import Filename, ReleaseLine
from stage_ci.rules.revision import Revision

RELEASE_LINE: Final = ReleaseLine.parse("owner/service", "v1.0")
LINE: Final = RELEASE_LINE.versions
FILE: Final = Filename.parse("svm.yaml")
DIGEST: Final = Digest.parse(f"sha256:{'d' * 64}")
OTHER: Final = Digest.parse(f"sha256:{'e' * 64}")
DEPLOYMENT: Final = Deployment(RELEASE_LINE, LINE.version(7), DIGEST)


def manifest(*images: str) -> bytes:
    """Return a Pod with a container for each image."""
    head = "apiVersion: v1\nkind: Pod\nmetadata: {name: svm}\nspec:\n  containers:\n"
    return (head + "".join(f"    - image: {image}\n" for image in images)).encode()


RECORD: Final = Record(RELEASE_LINE.repository, LINE.version(3), DIGEST, InputDigest.of("files", {}))
CLAIMED: Final = ClaimedVersion(LINE.version(3), None, None, DIGEST)
RECORDED: Final = replace(CLAIMED, record=RECORD)


@pytest.mark.parametrize(
    ("tags", "taken", "claimed", "number", "state"),
    [
        pytest.param([], [], None, 1, VersionState.NEW, id="nothing"),
        pytest.param(["v1.0.9"], [4], None, 10, VersionState.NEW, id="others"),
        pytest.param([], [3], CLAIMED, 3, VersionState.CLAIMED, id="claimed"),
        pytest.param(["v1.0.5"], [3], CLAIMED, 3, VersionState.CLAIMED, id="claimed-and-overtaken"),
        pytest.param(["v1.0.3"], [3], replace(CLAIMED, found=DIGEST), 3, VersionState.CLAIMED, id="tagged"),
        pytest.param(
            ["v1.0.3"], [3], replace(CLAIMED, found=OTHER, built=None), 3, VersionState.CLAIMED, id="tagged-and-unbuilt"
        ),
        pytest.param(
            ["v1.0.3"], [3], replace(CLAIMED, found=OTHER, is_foreign=True), 4, VersionState.NEW, id="foreign-tag"
        ),
        pytest.param(
            ["v1.0.3"], [3, 8], replace(CLAIMED, found=OTHER, is_foreign=True), 9, VersionState.NEW, id="later-claims"
        ),
        pytest.param(["v1.0.3"], [3], replace(RECORDED, found=DIGEST), 3, VersionState.PUBLISHED, id="released"),
        pytest.param(
            ["v1.0.3"], [3], replace(RECORDED, found=DIGEST, built=OTHER), 3, VersionState.PUBLISHED, id="built-anew"
        ),
        pytest.param([], [3], RECORDED, 3, VersionState.CLAIMED, id="gone-from-the-registry"),
        pytest.param([], [3], replace(RECORDED, built=None), 3, VersionState.CLAIMED, id="gone-and-unbuilt"),
        pytest.param([], [3], replace(RECORDED, built=OTHER), 4, VersionState.NEW, id="gone-and-built-anew"),
    ],
)
def test_inputs_get_the_version_they_claimed_or_the_next(
    tags: list[str], taken: list[int], claimed: ClaimedVersion | None, number: int, state: VersionState
) -> None:
    """Inputs keep the version they claimed unless another client has its tag, or its recorded image is lost."""
    decision = decide_version(LINE, {LINE.version(number) for number in taken}, tags, claimed)
    record = RECORDED.record if state is VersionState.PUBLISHED else None
    assert decision == VersionDecision(LINE.version(number), state, record)


@pytest.mark.fault(41)
@pytest.mark.parametrize("built", [None, DIGEST, OTHER])
def test_a_tag_of_another_image_than_the_record_is_an_error(built: Digest | None) -> None:
    """If the registry shows another image than the record, no version is decided, whatever the run has built."""
    with pytest.raises(SwappedTag):
        decide_version(LINE, {LINE.version(3)}, ["v1.0.3"], replace(RECORDED, found=OTHER, built=built))


@pytest.mark.parametrize(
    ("images", "allow_downgrade", "state"),
    [
        pytest.param(["owner/service:v1.0.6"], False, MoveState.MOVED, id="older"),
        pytest.param(["owner/service"], False, MoveState.MOVED, id="no-tag"),
        pytest.param(["owner/service:v0.9.12"], False, MoveState.MOVED, id="lower-line"),
        pytest.param(["owner/service:v1.0.7"], False, MoveState.UNCHANGED, id="same"),
        pytest.param(["owner/service:v1.0.6 # stage-ci: hold"], False, MoveState.HELD, id="held"),
        pytest.param(["owner/service:v2.0.6 # stage-ci: hold"], False, MoveState.HELD, id="held-on-a-higher-line"),
        pytest.param(["owner/service:v1.0.6 # stage-ci: hold", "owner/service:v1.0.6"], False, MoveState.MOVED),
        pytest.param(["owner/service:v1.0.8"], False, MoveState.SUPERSEDED, id="newer"),
        pytest.param(["owner/service:v1.0.6", "owner/service:v1.0.10"], False, MoveState.SUPERSEDED, id="one-newer"),
        pytest.param(["owner/service:v1.0.8"], True, MoveState.MOVED, id="newer-and-allowed"),
    ],
)
def test_a_manifest_moves_unless_it_is_newer_or_held(
    images: list[str],
    allow_downgrade: bool,  # noqa: FBT001
    state: MoveState,
) -> None:
    """A manifest moves to a version, except back from a newer one; a hold is stronger than any permission."""
    before = manifest(*images)
    move = decide_move(before, FILE, replace(DEPLOYMENT, allow_downgrade=allow_downgrade))
    assert move.state is state
    assert (move.content != before) is (state is MoveState.MOVED)
    assert bool(move.moved) is (state is MoveState.MOVED)


@pytest.mark.fault(17, 45)
@pytest.mark.parametrize("allow_downgrade", [False, True])
def test_a_manifest_of_a_higher_line_is_rejected(*, allow_downgrade: bool) -> None:
    """A manifest that names a version of a higher line is rejected, even if a downgrade is allowed."""
    with pytest.raises(InvalidVersion, match=r"svm\.yaml names v2\.0\.3, of a higher line than v1\.0"):
        decide_move(manifest("owner/service:v2.0.3"), FILE, replace(DEPLOYMENT, allow_downgrade=allow_downgrade))


@pytest.mark.fault(23)
def test_a_pinned_digest_needs_the_new_digest() -> None:
    """A manifest that pins a digest moves only if the version's digest is known."""
    pinned = manifest(f"owner/service:v1.0.6@sha256:{'0' * 64}")
    assert str(DIGEST) in decide_move(pinned, FILE, DEPLOYMENT).content.decode()
    with pytest.raises(InvalidManifest, match="--image-digest"):
        decide_move(pinned, FILE, replace(DEPLOYMENT, digest=None))


@pytest.mark.fault(22)
def test_a_manifest_without_the_image_is_rejected() -> None:
    """A manifest without a reference to the image is rejected, also before anything is published."""
    with pytest.raises(ImageNotInManifest):
        decide_move(manifest("owner/other:v1.0.1"), FILE, DEPLOYMENT)
    with pytest.raises(ImageNotInManifest):
        raise_if_immovable(manifest("owner/other:v1.0.1"), FILE, RELEASE_LINE)


@pytest.mark.parametrize("image", ["owner/service:v1.0.1", "owner/service:v1.0.900", f"owner/service@{DIGEST}"])
def test_a_manifest_of_the_line_passes_before_publishing(image: str) -> None:
    """Before publishing, any version of the line will do, also a newer one and one pinned by digest."""
    raise_if_immovable(manifest(image), FILE, RELEASE_LINE)


def test_a_move_reports_each_reference() -> None:
    """A move has one line for each reference that moves, then one for each that is held."""
    move = decide_move(manifest("owner/service:v1.0.1 # stage-ci: hold", "owner/service:v1.0.6"), FILE, DEPLOYMENT)
    held = "svm.yaml:6 owner/service:v1.0.1 is held; to lift it, remove the marker on line 6 and run again"
    assert move.lines(FILE) == ("svm.yaml:7 owner/service:v1.0.6 -> owner/service:v1.0.7", held)
    assert move.reasons(FILE) == (held,)


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    ("images", "state"),
    [
        (["owner/service:v1.0.6"], MoveState.MOVED),
        (["owner/service:v1.0.7"], MoveState.UNCHANGED),
        (["owner/service:v1.0.6 # stage-ci: hold"], MoveState.HELD),
    ],
)
def test_a_variant_does_not_change_the_move(images: list[str], state: MoveState) -> None:
    """A variant, even of a higher line, is listed and decides nothing."""
    move = decide_move(manifest(*images, "owner/service:v2.0.3-gpu"), FILE, DEPLOYMENT)
    assert move.state is state
    (left,) = move.left_lines(FILE)
    assert left == (
        "svm.yaml:7 owner/service:v2.0.3-gpu stays: v2.0.3-gpu names a variant, not a version; "
        "to move it, mark it `# stage-ci: image`"
    )


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("images", "named"),
    [
        (["owner/service"], None),
        (["owner/service:v1.0.6", "owner/service:v1.0.7"], 7),
        (["owner/service:v1.0.9", "owner/service:v1.0.10", "owner/service:v1.0.8"], 10),
        (["owner/service:v0.9.30", "owner/service:latest", "owner/service:v1.0.008"], None),
    ],
)
def test_the_highest_version_that_a_manifest_names_is_found_by_number(images: list[str], named: int | None) -> None:
    """Versions compare by number, and only within the line."""
    move = decide_move(manifest(*images), FILE, replace(DEPLOYMENT, allow_downgrade=True))
    assert move.named == (None if named is None else LINE.version(named))


OLDER: Final = Revision.parse(f"{'a' * 40} 2026-05-04T12:00:00Z")
NEWER: Final = Revision.parse(f"{'b' * 40} 2026-05-05T12:00:00Z")


@pytest.mark.fault(44)
@pytest.mark.parametrize(
    ("revision", "recorded", "state"),
    [
        pytest.param(OLDER, NEWER, MoveState.SUPERSEDED, id="older"),
        pytest.param(NEWER, OLDER, MoveState.MOVED, id="newer"),
        pytest.param(OLDER, OLDER, MoveState.MOVED, id="same"),
        pytest.param(None, NEWER, MoveState.MOVED, id="unknown"),
        pytest.param(OLDER, None, MoveState.MOVED, id="unknown-before"),
    ],
)
def test_an_older_source_does_not_replace_a_newer_one(
    revision: Revision | None, recorded: Revision | None, state: MoveState
) -> None:
    """A version of an older source than that of the manifest's version leaves the manifest as it is, and says why."""
    before, deployment = manifest("owner/service:v1.0.3"), replace(DEPLOYMENT, revision=revision)
    move = decide_by_source(
        decide_move(before, FILE, deployment), before, deployment, replace(RECORD, revision=recorded)
    )
    assert move.state is state
    assert (move.content == before) is (state is MoveState.SUPERSEDED)
    if state is MoveState.SUPERSEDED:
        reason = f"svm.yaml names v1.0.3, which was made from a newer source ({NEWER}): it stays; "
        assert move.reasons(FILE) == (f"{reason}--allow-downgrade moves it back",)


def test_a_version_without_a_record_is_replaced() -> None:
    """If the manifest's version has no record, its source is unknown."""
    before, deployment = manifest("owner/service:v1.0.3"), replace(DEPLOYMENT, revision=OLDER)
    move = decide_move(before, FILE, deployment)
    assert decide_by_source(move, before, deployment, None) is move


@pytest.mark.parametrize("tags", [["v1.0.7"], ["latest", "v0.9.3", "v1.0.0"], ["v2", "2.0.1", "v1.0.x"], []])
def test_tags_of_this_line_or_a_lower_one_are_accepted(tags: list[str]) -> None:
    """A tag of the line or a lower one, or one that is not a version, does not raise."""
    raise_if_higher_line(LINE, tags, FILE)


@pytest.mark.fault(17, 45)
@pytest.mark.parametrize(
    ("tag", "line"), [("v2.0.3", "v2.0"), ("v1.1.0", "v1.1"), ("v1.10.2", "v1.10"), ("v2.0.007", "v2.0")]
)
def test_a_tag_of_a_higher_line_is_rejected(tag: str, line: str) -> None:
    """The error for a tag of a higher line names the tag and the flag that selects its line."""
    with pytest.raises(
        InvalidVersion, match=f"svm.yaml names {tag}, of a higher line than v1.0; give --version-line={line}"
    ):
        raise_if_higher_line(LINE, [tag], FILE)
