"""What a release is, when it goes ahead, and how it reads."""

import json
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stage_ci.errors import InvalidFilename, InvalidInput, InvalidVersion
from stage_ci.rules.manifest import Change, Hold
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.release import (
    Filename,
    Outcome,
    Release,
    held_line,
    line_version,
    renderer,
    superseded_line,
)
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
)


@pytest.mark.parametrize(
    "text", ["svm.yaml", "manifests/default/svm.yaml", "a b/é.yaml", "..a/b..", "-rf", "a/.github/b"]
)
def test_a_file_of_the_repository_is_named_relative_to_its_root(text: str) -> None:
    """In git's own spelling."""
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
def test_what_leaves_the_repository_or_is_no_path_of_git_is_refused(text: str) -> None:
    """Said before anything runs, naming the flag."""
    with pytest.raises(InvalidFilename, match=r"^input: invalid --filename=.*: not a path inside"):
        Filename.parse(text)


@given(st.text(st.sampled_from("a./\\ \n"), max_size=12))
@example("a/../../b")
def test_no_accepted_path_leaves_the_repository(text: str) -> None:
    """Joined to a root it stays below the root."""
    try:
        path = PurePosixPath("/root", str(Filename.parse(text)))
    except InvalidFilename:
        return
    assert path.is_relative_to("/root")
    assert ".." not in path.parts
    assert str(path) == f"/root/{text}"


def test_json_is_one_object_on_one_line() -> None:
    """The fields that a workflow reads, and no others."""
    assert RELEASE.json().count("\n") == 1
    assert json.loads(RELEASE.json()) == {
        "image": "docker.io/owner/service",
        "version": "v1.0.7",
        "digest": f"sha256:{'a' * 64}",
        "commit": "c" * 40,
        "manifest": "manifests/default/svm.yaml",
        "outcome": "released",
    }


@pytest.mark.parametrize(
    ("outcome", "headline"),
    [
        (Outcome.RELEASED, "Released"),
        (Outcome.ALREADY_RELEASED, "Already released"),
        (Outcome.SUPERSEDED, "Superseded by a newer version in the manifest"),
        (Outcome.HELD, "Held back by a marker in the manifest"),
    ],
)
def test_a_summary_begins_with_the_outcome_and_the_image(outcome: Outcome, headline: str) -> None:
    """What a person looks for first: name, tag and digest."""
    first = replace(RELEASE, outcome=outcome).text().splitlines()[0]
    assert first == f"{headline}: docker.io/owner/service:v1.0.7@sha256:{'a' * 64}"


def test_a_summary_tells_checks_changes_and_commit() -> None:
    """A line each, in the order of the chain."""
    assert RELEASE.text().splitlines()[1:] == [
        "",
        "    lint      4 files",
        "    test      3 passed",
        "    manifest  manifests/default/svm.yaml:7 owner/service:v1.0.6 -> owner/service:v1.0.7",
        f"    commit    {'c' * 40}",
    ]
    assert RELEASE.text().endswith("\n")


@pytest.mark.fault(20)
def test_a_summary_says_when_the_manifest_did_not_change() -> None:
    """Nothing to commit is told as such."""
    assert "  manifest  manifests/default/svm.yaml unchanged\n" in replace(RELEASE, deployed=()).text()


def test_every_outcome_has_a_headline() -> None:
    """A summary of any of them can be shown."""
    assert all(replace(RELEASE, outcome=outcome).text() for outcome in Outcome)


@pytest.mark.fault(17)
def test_a_newer_version_is_told_with_what_takes_it_back() -> None:
    """Whoever reverted on purpose reads the flag's name."""
    assert superseded_line(RELEASE.manifest, LINE.version(10)) == (
        "manifests/default/svm.yaml names v1.0.10, which is newer: it stays; --allow-downgrade takes it back"
    )


@pytest.mark.fault(29)
def test_a_held_reference_is_told_with_who_and_how_to_lift_it() -> None:
    """The marker's line, which need not be the reference's."""
    change = Change("Pod/svm spec", 7, "owner/service:v1.0.4", "owner/service:v1.0.4", Hold(6, "alice", "demo"))
    assert held_line(RELEASE.manifest, change) == (
        "manifests/default/svm.yaml:7 owner/service:v1.0.4 is held by alice (demo); "
        "to lift it, remove the marker on line 6 and run again"
    )


def test_a_rehearsal_says_so_in_its_first_line() -> None:
    """Nobody takes it for a release."""
    first, second = replace(RELEASE, rehearsal="default").text().splitlines()[:2]
    assert first == "Rehearsal 'default': nothing left this machine"
    assert second.startswith("Released: ")


@pytest.mark.parametrize("name", ["text", "json"])
def test_a_format_is_text_or_json(name: str) -> None:
    """Each gives what the release's method of that name gives."""
    assert renderer(name)(RELEASE) == {"text": RELEASE.text(), "json": RELEASE.json()}[name]


@pytest.mark.parametrize("name", ["", "JSON", "yaml", "x" * 100])
def test_another_format_is_refused(name: str) -> None:
    """Before anything runs; the error names those there are."""
    with pytest.raises(InvalidInput, match=r"^input: invalid --format=.*; give text or json"):
        renderer(name)


def test_a_version_of_the_line_can_be_deployed() -> None:
    """From the first on."""
    assert line_version(LINE, "v1.0.1") == LINE.version(1)


@pytest.mark.parametrize("text", ["v1.0.0", "v1.1.1", "latest", "", "v1.0.01", "1.0.1"])
def test_what_was_never_released_cannot_be_deployed(text: str) -> None:
    """The placeholder, another line, another spelling."""
    with pytest.raises(InvalidVersion):
        line_version(LINE, text)
