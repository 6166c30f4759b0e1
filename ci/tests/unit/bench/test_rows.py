"""Rows of results.json: statistics, goals, files and the table."""

import json
from pathlib import Path

import pytest
from bench.rows import Row, group, merge, ratios, read, table, write


def row(name: str, *runs: float, goal: float | None = None) -> Row:
    """Return a row of seconds."""
    return Row.seconds(name, "something", runs or [1.0], reference="nothing", goal=goal)


def test_the_value_of_a_row_is_the_median_of_its_runs() -> None:
    """Value and median are the middle run, the spread is the highest minus the lowest, all to the hundredth."""
    assert row("F1", 3.0, 1.004, 2.0049, goal=2) == Row(
        "F1", "something", 2.0, "s", goal=2, met=True, reference="nothing", runs=3, median=2.0, spread=2.0
    )


@pytest.mark.parametrize(("goal", "met"), [(None, None), (1.49, False), (1.5, True), (2, True)])
def test_a_goal_is_met_up_to_and_including_it(goal: float | None, met: bool | None) -> None:  # noqa: FBT001 - the example's second half
    """The rounded value decides, so that the table never shows 1.5 as above 1.5; without a goal nothing is decided."""
    assert row("F1", 1.504, goal=goal).met is met


def test_a_ratio_has_no_seconds() -> None:
    """The unit of a ratio is `ratio`."""
    assert Row.ratio("F1", "a / b", [1.2], reference="b", goal=1.5).unit == "ratio"


def test_each_run_is_divided_by_the_one_that_followed_it() -> None:
    """Ratios are those of pairs, because other load on the machine affects both runs of a pair."""
    assert ratios([3.0, 8.0], [2.0, 4.0]) == [1.5, 2.0]


def test_a_file_has_one_object_with_the_documented_keys_per_row(tmp_path: Path) -> None:
    """Rows are written as a JSON list and read back unchanged."""
    path = tmp_path / "results.json"
    written = [row("F1", 1.0, 3.0), row("F2-tests", goal=4)]
    write(path, written)
    keys = ["id", "what", "value", "unit", "goal", "met", "reference", "runs", "median", "spread"]
    assert [list(fields) for fields in json.loads(path.read_text())] == [keys, keys]
    assert read(path) == written


def test_a_missing_file_has_no_rows(tmp_path: Path) -> None:
    """The first run starts without results."""
    assert read(tmp_path / "results.json") == []


def test_measured_rows_replace_those_of_their_group() -> None:
    """Of a measured group, earlier rows disappear also if the measurement has no row of that name any more."""
    before = [row("F1"), row("F2"), row("F2b"), row("F2-lint"), row("F9")]
    merged = merge(before, [row("F2", 7.0), row("F2b", 8.0)])
    assert [(each.id, each.value) for each in merged] == [("F1", 1.0), ("F2", 7.0), ("F2b", 8.0), ("F9", 1.0)]


def test_rows_are_in_the_order_of_their_groups() -> None:
    """F10 follows F9, and the rows of one group keep the order of the measurement."""
    merged = merge([row("F10"), row("F3")], [row("F9-second"), row("F9")])
    assert [each.id for each in merged] == ["F3", "F9-second", "F9", "F10"]


def test_a_name_without_a_group_is_rejected() -> None:
    """Every row belongs to a group."""
    assert group("F2b") == "F2"
    with pytest.raises(ValueError, match="invalid row 'lint'"):
        group("lint")


def test_a_table_shows_missed_goals() -> None:
    """The table has a line per row; a missed goal reads NO, a row without a goal has dashes."""
    lines = table([row("F1", 1.5, goal=1.2), row("F2-tests", 31.25)]).splitlines()
    assert lines[0].split() == ["id", "value", "goal", "met", "runs", "spread", "what"]
    assert lines[1].split() == ["F1", "1.5", "s", "1.2", "NO", "1", "0", "something"]
    assert lines[2].split() == ["F2-tests", "31.25", "s", "-", "-", "1", "0", "something"]
