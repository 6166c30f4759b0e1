"""The release: its arguments, its outcome, and its output as text or JSON."""

import json
import re
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stage_ci.errors import InvalidFilename, InvalidInput, InvalidVersion
from stage_ci.rules.evidence import Kind
from stage_ci.rules.manifest import Change, Hold, LeftBehind
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.release import (
    Filename,
    Outcome,
    Release,
    ReleaseLine,
    held_line,
    left_lines,
    line_version,
    renderer,
    superseded_line,
)
from stage_ci.rules.revision import Revision
from stage_ci.rules.timeline import Span
from stage_ci.rules.version import VersionLine

LINE = VersionLine.parse("v1.0")
RELEASE = Release(
    repository=Repository.parse("owner/service"),
    version=LINE.version(7),
    digest=Digest.parse(f"sha256:{'a' * 64}"),
    commit="c" * 40,
    manifest=Filename.parse("manifests/default/svm.yaml"),
    outcome=Outcome.RELEASED,
    deployed=("manifests/default/svm.yaml:7 owner/service:v1.0.6 -> owner/service:v1.0.7",),
    checks={"lint": "4 files", "test": "3 passed"},
    evidence={Kind.SBOM: Digest.parse(f"sha256:{'b' * 64}")},
    timeline=(Span("test", 0.1, 4.0), Span("lint", 0.1, 2.0), Span("deploy", 4.1, 1.504)),
)


@pytest.mark.parametrize(
    "text", ["svm.yaml", "manifests/default/svm.yaml", "a b/é.yaml", "..a/b..", "-rf", "a/.github/b"]
)
def test_a_path_in_the_repository_is_accepted(text: str) -> None:
    """A path relative to the repository's root is kept as it was given."""
    assert str(Filename.parse(text)) == text


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "/etc/passwd",
        "../svm.yaml",
        "manifests/../../svm.yaml",
        "manifests/..",
        "./svm.yaml",
        "manifests//svm.yaml",
        "manifests/",
        ".git/config",
        "manifests/.git/hooks/x",
        "svm.yaml\n",
        "svm\x00.yaml",
        "manifests\\svm.yaml",
        "x" * 1025,
    ],
)
def test_a_path_outside_the_repository_is_rejected(text: str) -> None:
    """A path that leads out of the repository, or that git does not accept, is an error that names the flag."""
    with pytest.raises(InvalidFilename, match=r"^input: invalid --filename=.*: not a path inside"):
        Filename.parse(text)


@given(st.text(st.sampled_from("a./\\ \n"), max_size=12))
@example("a/../../b")
def test_no_accepted_path_leaves_the_repository(text: str) -> None:
    """Joined to a root, every accepted path stays below the root and is otherwise unchanged."""
    try:
        path = PurePosixPath("/root", str(Filename.parse(text)))
    except InvalidFilename:
        return
    assert path.is_relative_to("/root")
    assert ".." not in path.parts
    assert str(path) == f"/root/{text}"


def test_json_is_one_object_on_one_line() -> None:
    """The JSON has the fields that a workflow reads, and no others."""
    assert RELEASE.json().count("\n") == 1
    assert json.loads(RELEASE.json()) == {
        "image": "docker.io/owner/service",
        "version": "v1.0.7",
        "digest": f"sha256:{'a' * 64}",
        "commit": "c" * 40,
        "manifest": "manifests/default/svm.yaml",
        "outcome": "released",
        "revision": None,
        "evidence": {"sbom": f"sha256:{'b' * 64}"},
        "timeline": [
            {"step": "test", "start": 0.1, "seconds": 4.0},
            {"step": "lint", "start": 0.1, "seconds": 2.0},
            {"step": "deploy", "start": 4.1, "seconds": 1.5},
        ],
    }


@pytest.mark.parametrize(
    ("outcome", "headline"),
    [
        (Outcome.RELEASED, "Released"),
        (Outcome.ALREADY_RELEASED, "Already released"),
        (Outcome.SUPERSEDED, "Superseded by what the manifest names"),
        (Outcome.HELD, "Held back by a marker in the manifest"),
    ],
)
def test_a_summary_begins_with_the_outcome_and_the_image(outcome: Outcome, headline: str) -> None:
    """The first line of a summary is the outcome with the image's name, tag and digest."""
    first = replace(RELEASE, outcome=outcome).text().splitlines()[0]
    assert first == f"{headline}: docker.io/owner/service:v1.0.7@sha256:{'a' * 64}"


def test_a_summary_lists_checks_changes_commit_and_time() -> None:
    """A summary has one line for each check and each changed reference, and source, commit and time, in this order."""
    assert RELEASE.text().splitlines()[1:] == [
        "",
        "    lint      4 files",
        "    test      3 passed",
        "    manifest  manifests/default/svm.yaml:7 owner/service:v1.0.6 -> owner/service:v1.0.7",
        "    source    not known: --source-revision was not given",
        "    evidence  sbom, not signed: it was released with neither --signing-key nor --identity-token",
        f"    commit    {'c' * 40}",
        "    time      5.6 s: test 4.0 s, deploy 1.5 s",
    ]
    assert RELEASE.text().endswith("\n")


@pytest.mark.parametrize(
    ("signer", "rehearsal", "line"),
    [
        ("MFkwEwYHKoZIzj0CAQ==", None, "signed with a key"),
        ("MFkwEwYHKoZIzj0CAQ==", "default", "signed with the rehearsal's own key"),
        ("dev@example.com https://accounts.example.com", None, "signed by dev@example.com"),
    ],
)
def test_a_summary_names_the_signer(signer: str, rehearsal: str | None, line: str) -> None:
    """The summary has the identity in a certificate, and says which key it is in a rehearsal."""
    assert f"    evidence  sbom, {line}\n" in replace(RELEASE, signer=signer, rehearsal=rehearsal).text()


@pytest.mark.fault(20)
def test_a_summary_shows_an_unchanged_manifest() -> None:
    """If no reference moved or is held, the summary shows the manifest as unchanged."""
    assert "  manifest  manifests/default/svm.yaml unchanged\n" in replace(RELEASE, deployed=()).text()


@pytest.mark.fault(17, 29)
@pytest.mark.parametrize("outcome", ["released", "already-released", "superseded", "held"])
def test_the_json_has_the_outcome(outcome: str) -> None:
    """The JSON has the outcome as one of four words, which a workflow compares."""
    assert json.loads(replace(RELEASE, outcome=Outcome(outcome)).json())["outcome"] == outcome


def test_every_outcome_has_a_headline() -> None:
    """Each outcome has a headline, so that every summary can be printed."""
    assert all(replace(RELEASE, outcome=outcome).text() for outcome in Outcome)


@pytest.mark.fault(17)
def test_a_newer_version_is_reported_with_the_downgrade_flag() -> None:
    """The line for a newer version names the flag that moves the manifest back."""
    assert superseded_line(RELEASE.manifest, "v1.0.10, which is newer") == (
        "manifests/default/svm.yaml names v1.0.10, which is newer: it stays; --allow-downgrade moves it back"
    )


@pytest.mark.fault(29)
def test_a_held_reference_is_reported_with_person_and_marker() -> None:
    """The line for a held reference names the person who set the hold, and the line of its marker."""
    change = Change("Pod/svm spec", 7, "owner/service:v1.0.4", "owner/service:v1.0.4", Hold(6, "alice", "demo"))
    assert held_line(RELEASE.manifest, change) == (
        "manifests/default/svm.yaml:7 owner/service:v1.0.4 is held by alice (demo); "
        "to lift it, remove the marker on line 6 and run again"
    )


@pytest.mark.fault(24)
def test_what_is_left_behind_has_lines_of_its_own() -> None:
    """A summary lists what names the image and stays below the manifest's line, also if nothing moved."""
    left = left_lines(RELEASE.manifest, [LeftBehind(3, "owner/service:debug", "a variant", "image", 3)])
    assert left == (
        "manifests/default/svm.yaml:3 owner/service:debug stays: a variant; to move it, mark it `# stage-ci: image`",
    )
    lines = replace(RELEASE, deployed=(), left=left).text().splitlines()
    assert lines[4:6] == ["    manifest  manifests/default/svm.yaml unchanged", f"    left      {left[0]}"]


@pytest.mark.fault(24)
def test_a_summary_lists_at_most_twenty_values_that_stay() -> None:
    """Of many values that stay, a summary lists twenty and counts the others."""
    left = [LeftBehind(number, "x", "y") for number in range(22)]
    assert len(left_lines(RELEASE.manifest, left[:20])) == 20
    assert left_lines(RELEASE.manifest, left)[19:] == (
        "manifests/default/svm.yaml:19 x stays: y",
        "manifests/default/svm.yaml: 2 more that name the image and stay",
    )


def test_a_summary_names_the_source() -> None:
    """The summary has the revision; that of a release without one says so, and that of a rehearsal says nothing."""
    revision = Revision.parse(f"{'d' * 40} 2026-05-04T12:00:00Z")
    assert f"    source    {'d' * 40} 2026-05-04T12:00:00+00:00\n" in replace(RELEASE, revision=revision).text()
    assert json.loads(replace(RELEASE, revision=revision).json())["revision"] == "d" * 40
    assert "    source    not known: --source-revision was not given\n" in RELEASE.text()
    assert "source" not in replace(RELEASE, rehearsal="default").text()


def test_the_summary_of_a_rehearsal_starts_with_its_name() -> None:
    """The first line of a rehearsal's summary names it, so that it cannot be mistaken for a release."""
    first, second = replace(RELEASE, rehearsal="default").text().splitlines()[:2]
    assert first == "Rehearsal 'default': nothing left this machine"
    assert second.startswith("Released: ")


@pytest.mark.parametrize("name", ["text", "json"])
def test_a_format_is_text_or_json(name: str) -> None:
    """The formats text and json print the text and the JSON of a release."""
    assert renderer(name)(RELEASE) == {"text": RELEASE.text(), "json": RELEASE.json()}[name]


@pytest.mark.parametrize("name", ["", "JSON", "yaml", "x" * 100])
def test_another_format_is_rejected(name: str) -> None:
    """An unknown format is an error that names the flag, the value and the two formats."""
    with pytest.raises(InvalidInput, match=rf"^input: invalid --format='{name[:40]}': expected text or json; "):
        renderer(name)


def test_a_version_of_the_line_can_be_deployed() -> None:
    """The first version of a line can be deployed."""
    assert line_version(LINE, "v1.0.1") == LINE.version(1)


@pytest.mark.parametrize("text", ["v1.0.0", "v1.1.1", "v2.0.0", "v1.0", "latest", "", "v1.0.01", "v1.0.007", "1.0.1"])
def test_a_version_that_cannot_exist_cannot_be_deployed(text: str) -> None:
    """Version 0, a version of another line, another spelling and a tag that is no version are errors that name it."""
    with pytest.raises(InvalidVersion) as rejected:
        line_version(LINE, text)
    assert text in str(rejected.value)


@pytest.mark.parametrize(
    ("image", "version_line", "message"),
    [
        ("owner/Case", "v1.0", "--image: invalid image reference 'owner/Case'"),
        ("owner/service", "1.0", "--version-line: invalid version line '1.0'"),
    ],
)
def test_an_invalid_release_line_names_the_flag(image: str, version_line: str, message: str) -> None:
    """An image or a version line that cannot be parsed is an error that names its flag."""
    with pytest.raises(InvalidInput, match=re.escape(message)):
        ReleaseLine.parse(image, version_line)
