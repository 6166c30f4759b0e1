"""The rows of results.json: one figure each, with its goal, what it is compared with, and the spread of its runs."""

import json
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

# The group of a row, which is measured as a whole: F2 of F2, F2b and F2-lint.
_GROUP: Final = re.compile(r"F(\d+)")


class MeasurementError(Exception):
    """A row could not be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; its fields are the keys of its JSON object.

    Attributes:
        id: The row's name, such as ``F2-lint``.
        what: What is measured.
        value: The figure, which is compared with the goal.
        unit: The unit of value, goal, median and spread.
        goal: The highest value that is good enough; None if there is no goal.
        met: Whether the goal is reached; None if there is no goal.
        reference: What the value is compared with, and under which conditions.
        runs: How often it was measured.
        median: The median of the runs.
        spread: The highest of the runs minus the lowest.
    """

    id: str
    what: str
    value: float
    unit: str
    goal: float | None
    met: bool | None
    reference: str
    runs: int
    median: float
    spread: float

    @classmethod
    def seconds(cls, name: str, what: str, runs: Sequence[float], *, reference: str, goal: float | None = None) -> Self:
        """Return the row of runs that took so many seconds; its value is their median."""
        return cls(id=name, what=what, unit="s", reference=reference, **_summary(runs, goal))

    @classmethod
    def ratio(cls, name: str, what: str, runs: Sequence[float], *, reference: str, goal: float | None = None) -> Self:
        """Return the row of runs with such ratios to their reference; its value is their median."""
        return cls(id=name, what=what, unit="ratio", reference=reference, **_summary(runs, goal))


def _summary(runs: Sequence[float], goal: float | None) -> dict[str, Any]:
    """Return the fields that are computed from the runs, with figures to the hundredth."""
    median, spread = round(statistics.median(runs), 2), round(max(runs) - min(runs), 2)
    met = None if goal is None else median <= goal
    return {"value": median, "goal": goal, "met": met, "runs": len(runs), "median": median, "spread": spread}


def group(name: str) -> str:
    """Return the group of a row.

    Raises:
        ValueError: if the name does not start with one.
    """
    found = _GROUP.match(name)
    if not found:
        raise ValueError(f"invalid row {name!r}: expected a name such as F2 or F2-lint")
    return found[0]


def read(path: Path) -> list[Row]:
    """Return the rows of a file; none if it does not exist."""
    return [Row(**fields) for fields in json.loads(path.read_bytes())] if path.exists() else []


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as a JSON list, an object each."""
    objects: list[dict[str, Any]] = [asdict(row) for row in rows]
    path.write_text(json.dumps(objects, indent=2, ensure_ascii=False) + "\n")


def merge(before: Iterable[Row], measured: Sequence[Row]) -> list[Row]:
    """Return all rows in the order of their groups; the measured ones replace the earlier ones of the same groups."""
    replaced = {group(row.id) for row in measured}
    kept = [row for row in before if group(row.id) not in replaced]
    return sorted([*kept, *measured], key=lambda row: int(group(row.id)[1:]))


def ratios(measured: Sequence[float], reference: Sequence[float]) -> list[float]:
    """Return the ratio of each pair of runs that followed each other."""
    return [one / other for one, other in zip(measured, reference, strict=True)]


def table(rows: Iterable[Row]) -> str:
    """Return a table for people."""
    cells = [("id", "value", "goal", "met", "runs", "spread", "what"), *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    goal = "-" if row.goal is None else f"{row.goal:g}"
    met = {True: "yes", False: "NO", None: "-"}[row.met]
    return row.id, f"{row.value:g} {row.unit}", goal, met, str(row.runs), f"{row.spread:g}", row.what
