"""The soak's invariants: each violation that a race may cause is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from soak_invariants import Invariants, Snapshot, StageRun


def run(source: str, number: int, digest: str = "", commit: str = "") -> StageRun:
    """Return a run that released the version with this number."""
    release = {
        "version": f"v1.0.{number}",
        "digest": digest or f"sha256:{number}",
        "commit": commit or f"commit{number}",
    }
    return StageRun(source, release | {"outcome": "released"})


def snapshot(*numbers: int) -> Snapshot:
    """Return the state after the release of the versions with these numbers, of which the last is deployed."""
    tags = {f"v1.0.{number}": f"sha256:{number}" for number in numbers}
    commits = [f"commit{number}" for number in numbers]
    return Snapshot(tags, list(tags), commits, f"image: some/image:v1.0.{numbers[-1]} # comment\n", "some/image")


TWO_RUNS = [run("a", 9), run("b", 10)]


def violations(invariants: Invariants) -> dict[str, int]:
    """Return the counts of violations that are not 0."""
    return {name: count for name, count in invariants.counts().items() if count and name not in {"stages", "versions"}}


def test_correct_waves_have_no_violation() -> None:
    """Two sources with a version each, then one source that raced with itself, violate nothing."""
    invariants = Invariants()
    assert invariants.check(TWO_RUNS, snapshot(9, 10)) == []
    assert invariants.check([run("c", 11), run("c", 11)], snapshot(9, 10, 11)) == []
    assert invariants.hold
    assert invariants.counts() == {
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
    ("runs", "state", "violation"),
    [
        pytest.param([run("a", 9), run("b", 9)], snapshot(9), "duplicates", id="two sources have one version"),
        pytest.param([run("a", 9), run("a", 10)], snapshot(9, 10), "duplicates", id="one source has two versions"),
        pytest.param(TWO_RUNS, snapshot(8, 9, 10), "duplicates", id="no run released a version"),
        pytest.param([run("a", 9, "sha256:other")], snapshot(9), "overwritten", id="the tag has another digest"),
        pytest.param(
            TWO_RUNS, replace(snapshot(9, 10), tags={"v1.0.10": "sha256:10"}), "overwritten", id="a tag is missing"
        ),
        pytest.param([run("a", 9, commit="gone")], snapshot(9), "lost_commits", id="a commit is not in the history"),
        pytest.param(TWO_RUNS, replace(snapshot(9, 10), claims=["v1.0.9"]), "unclaimed", id="a version has no claim"),
        pytest.param(
            TWO_RUNS, replace(snapshot(9, 10), manifest=snapshot(9).manifest), "behind", id="the manifest is behind"
        ),
        pytest.param([StageRun("a", error="no")], snapshot(9), "failed", id="a run failed"),
    ],
)
def test_a_violation_is_counted_once(runs: list[StageRun], state: Snapshot, violation: str) -> None:
    """Each violation is counted once and fails the soak, even if later waves see it again."""
    invariants = Invariants()
    invariants.check(runs, state)
    assert invariants.check([], state) == []
    assert violations(invariants) == {violation: 1}
    assert not invariants.hold


def test_a_change_between_waves_is_a_violation() -> None:
    """A moved tag and a lost commit are found even if no run of the later wave names them."""
    invariants = Invariants()
    assert invariants.check(TWO_RUNS, snapshot(9, 10)) == []
    moved = replace(snapshot(9, 10), tags={"v1.0.9": "sha256:9", "v1.0.10": "sha256:moved"}, commits=["commit10"])
    assert invariants.check([], moved) == ["overwritten: v1.0.10", "lost_commits: commit9"]


def test_invariants_do_not_hold_without_runs() -> None:
    """A soak without a run fails, because it has shown nothing."""
    assert not Invariants().hold


def test_a_run_prints_on_one_line() -> None:
    """A run prints its error, or version, outcome, digest and commit of its release."""
    assert str(StageRun("a", error="registry: no")) == "a: FAILED registry: no"
    assert str(run("a", 9)) == "a: v1.0.9 released sha256:9 commit9"
