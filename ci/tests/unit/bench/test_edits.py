"""The rows about edits, computed from what stages printed."""

from pathlib import Path

from bench.calls import StageRun
from bench.edits import container_row, draw, service_rows

TIMELINE = [
    {"step": "build", "start": 0.0, "seconds": 7.0},
    {"step": "test", "start": 0.0, "seconds": 13.0},
    {"step": "push", "start": 13.0, "seconds": 2.0},
    {"step": "evidence", "start": 15.0, "seconds": 1.0},
]


def stage(seconds: float) -> StageRun:
    """Return a stage of so many seconds, whose critical path takes 16 of them."""
    return StageRun(seconds, {"version": "v1.0.2", "timeline": TIMELINE})


def test_an_edit_of_the_service_has_a_row_for_each_figure() -> None:
    """The whole stage is compared with the original's jobs, and with load and critical path together."""
    runs, no_ops, serial = [stage(22.0), stage(20.0), stage(21.0)], [2.0, 5.0, 4.0], [44.0, 80.0, 42.0]
    found = {row.id: (row.value, row.met) for row in service_rows(runs, no_ops, serial)}
    assert found == {
        "F2": (21.0, True),
        "F2-ratio": (0.5, None),
        "F2-original": (44.0, None),
        "F2b": (1.05, True),
        "F2-chain": (16.0, None),
        "F2-tests-of-service": (13.0, True),
        "F2-evidence": (1.0, True),
    }


def test_the_timeline_of_the_stage_is_drawn(tmp_path: Path) -> None:
    """The picture has the seconds of the whole stage in its title, and its critical path."""
    draw(stage(20.25), tmp_path / "timeline.svg")
    picture = (tmp_path / "timeline.svg").read_text()
    assert "20.2 s from the start of the CLI to its end" in picture
    assert "critical path: test → push → evidence (16.0 s of 16.0 s)" in picture


def test_containers_are_counted_by_step() -> None:
    """A row counts the containers and names their steps; the goal is met if each of them had a reason."""
    row = container_row("tests", ["StageCi.stage", "black .", "isort .", "python /programs/run_tests.py"])
    assert (row.id, row.value, row.unit, row.met) == ("F5-tests", 4, "containers", True)
    assert row.what == "containers after an edit of kind tests: module, lint (2), test"
    assert row.reference == "may run: inputs, lint, module, pack, remotes, test, unpack"


def test_a_container_without_a_reason_misses_the_goal() -> None:
    """The goal is the number of containers with a reason, and the row names the others."""
    row = container_row("none", ["StageCi.stage", "uv venv --quiet /venv"])
    assert (row.value, row.goal, row.met) == (2, 1, False)
    assert row.what == "containers without an edit: module, install"
    assert row.reference == "may run: module, remotes; ran for no reason: uv venv --quiet /venv"
