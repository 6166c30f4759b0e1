"""One run over groups of rows."""

from pathlib import Path

from bench.__main__ import GROUPS, measure
from bench.rows import MeasurementError, Row, group, read, write
from bench.session import Session


def row(name: str, value: float) -> Row:
    """Return a row of one run."""
    return Row.seconds(name, "something", [value], reference="nothing")


def fails(_: Session) -> list[Row]:
    """Fail to measure."""
    raise MeasurementError("the engine is gone")


def test_other_rows_stay_as_they_are(tmp_path: Path) -> None:
    """Only the rows of the measured groups change, and the file is complete after each group."""
    path = tmp_path / "results.json"
    write(path, [row("F1", 1.0), row("F2", 2.0)])
    seen = []

    def third(_: Session) -> list[Row]:
        seen.extend(read(path))
        return [row("F3", 3.0)]

    assert measure(Session(tmp_path), {"F1": lambda _: [row("F1", 9.0)], "F3": third}, path) == []
    assert [each.value for each in seen] == [9.0, 2.0]
    assert [each.value for each in read(path)] == [9.0, 2.0, 3.0]


def test_a_group_that_cannot_be_measured_does_not_end_the_run(tmp_path: Path) -> None:
    """The name of the group is returned, its earlier rows stay, and the next group is measured."""
    path = tmp_path / "results.json"
    write(path, [row("F1", 1.0)])
    assert measure(Session(tmp_path), {"F1": fails, "F2": lambda _: [row("F2", 2.0)]}, path) == ["F1"]
    assert [(each.id, each.value) for each in read(path)] == [("F1", 1.0), ("F2", 2.0)]


def test_the_groups_that_replace_the_engine_or_empty_its_cache_go_first() -> None:
    """F9 goes first, because its goal is a time of a rested machine, and F3 before those that use the cache."""
    assert list(GROUPS)[:3] == ["F0", "F9", "F3"]
    assert all(group(name) == name for name in GROUPS)
