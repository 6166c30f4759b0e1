"""The speed of the machine."""

from pathlib import Path

import pytest
from bench import machine
from bench.session import Session


def test_the_rows_are_the_seconds_and_what_a_second_loop_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F0 has the median of one loop, and F0-cores two at once divided by it."""
    taken = iter([2.0, 3.0, 2.5, 5.0, 1.0, 4.0])
    monkeypatch.setattr(machine, "seconds", lambda _: next(taken))
    assert [(row.id, row.value, row.goal) for row in machine.measure(Session(tmp_path))] == [
        ("F0", 2.0, None),
        ("F0-cores", 2.0, None),
    ]
