"""The soak's counts: each thing that may go wrong in a race is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger import Ledger, Run, Sight


def run(source: str, number: int, digest: str = "", commit: str = "") -> Run:
    """Return a run that came to the version of that number."""
    told = {"version": f"v1.0.{number}", "digest": digest or f"sha256:{number}", "commit": commit or f"commit{number}"}
    return Run(source, told | {"outcome": "released"})


def sight(*numbers: int) -> Sight:
    """Return what is outside after versions of these numbers, the last of them deployed."""
    tags = {f"v1.0.{number}": f"sha256:{number}" for number in numbers}
    commits = [f"commit{number}" for number in numbers]
    return Sight(tags, list(tags), commits, f"image: some/image:v1.0.{numbers[-1]} # comment\n", "some/image")


GOOD = [run("a", 9), run("b", 10)]


def wrong(ledger: Ledger) -> dict[str, int]:
    """Return the counts that are not 0."""
    return {name: count for name, count in ledger.counts().items() if count and name not in {"stages", "versions"}}


def test_a_wave_without_faults_is_sound() -> None:
    """The highest version is the highest number, and one source that races with itself has one version."""
    ledger = Ledger()
    assert ledger.enter(GOOD, sight(9, 10)) == []
    assert ledger.enter([run("c", 11), run("c", 11)], sight(9, 10, 11)) == []
    assert ledger.sound
    assert ledger.counts() == {
        "stages": 4,
        "versions": 3,
        "duplicates": 0,
        "overwritten": 0,
        "lost_commits": 0,
        "unclaimed": 0,
        "behind": 0,
        "failed": 0,
    }


@pytest.mark.parametrize(
    ("runs", "outside", "counted"),
    [
        pytest.param([run("a", 9), run("b", 9)], sight(9), "duplicates", id="two sources have one version"),
        pytest.param([run("a", 9), run("a", 10)], sight(9, 10), "duplicates", id="one source has two versions"),
        pytest.param(GOOD, sight(8, 9, 10), "duplicates", id="nobody told of a version"),
        pytest.param([run("a", 9, "sha256:other")], sight(9), "overwritten", id="the tag holds another digest"),
        pytest.param(
            GOOD, replace(sight(9, 10), tags={"v1.0.10": "sha256:10"}), "overwritten", id="a tag is not there"
        ),
        pytest.param([run("a", 9, commit="gone")], sight(9), "lost_commits", id="a commit is not in the history"),
        pytest.param(GOOD, replace(sight(9, 10), claims=["v1.0.9"]), "unclaimed", id="a version has no claim"),
        pytest.param(GOOD, replace(sight(9, 10), manifest=sight(9).manifest), "behind", id="the manifest is behind"),
        pytest.param([Run("a", error="no")], sight(9), "failed", id="a run failed"),
    ],
)
def test_what_goes_wrong_is_counted_once(runs: list[Run], outside: Sight, counted: str) -> None:
    """Whatever it is, the soak fails; it is told once, however often it is seen."""
    ledger = Ledger()
    ledger.enter(runs, outside)
    assert ledger.enter([], outside) == []
    assert wrong(ledger) == {counted: 1}
    assert not ledger.sound


def test_what_changes_between_waves_is_seen() -> None:
    """A tag that moves, and a history that loses a commit, though no run of the second wave tells of them."""
    ledger = Ledger()
    assert ledger.enter(GOOD, sight(9, 10)) == []
    moved = replace(sight(9, 10), tags={"v1.0.9": "sha256:9", "v1.0.10": "sha256:moved"}, commits=["commit10"])
    assert ledger.enter([], moved) == ["overwritten: v1.0.10", "lost_commits: commit9"]


def test_a_soak_without_runs_is_not_sound() -> None:
    """Nothing was shown."""
    assert not Ledger().sound


def test_a_run_is_told_on_one_line() -> None:
    """With its error, or with what it came to."""
    assert str(Run("a", error="registry: no")) == "a: FAILED registry: no"
    assert str(run("a", 9)) == "a: v1.0.9 released sha256:9 commit9"
