"""Programs with a time limit."""

import time
from pathlib import Path

import pytest
from bench.processes import run, seconds
from bench.rows import MeasurementError


def test_the_output_of_a_program_is_returned(tmp_path: Path) -> None:
    """A program runs in the given folder with the given environment, and its standard output is returned."""
    printed = run(["sh", "-c", "pwd; echo $NAME"], limit=10, folder=tmp_path, variables={"NAME": "value"})
    assert printed == f"{tmp_path}\nvalue\n"


def test_a_failed_program_is_reported_by_its_last_line() -> None:
    """The error has the command, the status and the last line that is not blank."""
    with pytest.raises(MeasurementError, match=r"^sh -c .* ended with status 3: no such engine$"):
        run(["sh", "-c", "echo first >&2; echo no such engine >&2; echo >&2; exit 3"], limit=10)


def test_a_failed_command_of_make_is_reported_by_its_error() -> None:
    """What make says after the command is not taken for the reason."""
    script = "echo 'Error: test: 1 of 3 tests failed' >&2; echo 'make: *** [Makefile:51: stage] Error 1' >&2; exit 2"
    with pytest.raises(MeasurementError, match=r" ended with status 2: Error: test: 1 of 3 tests failed$"):
        run(["sh", "-c", script], limit=10)


def test_a_program_without_output_is_reported_as_well() -> None:
    """A program that fails silently is named."""
    with pytest.raises(MeasurementError, match=r"^false ended with status 1: no output$"):
        run(["false"], limit=10)


def test_a_program_is_killed_with_its_children(tmp_path: Path) -> None:
    """After the time limit, the processes that the program started are gone too."""
    alive = tmp_path / "alive"
    began = time.monotonic()
    with pytest.raises(MeasurementError, match=r"did not end within 0\.5 s"):
        run(["sh", "-c", f"(sleep 2; touch {alive}) & wait"], limit=0.5)
    assert time.monotonic() - began < 2
    time.sleep(2)
    assert not alive.exists()


def test_seconds_are_those_of_the_work() -> None:
    """The time of a call is measured from its start to its end."""
    assert 0.05 <= seconds(lambda: time.sleep(0.05)) < 5
