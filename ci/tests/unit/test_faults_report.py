"""The report of the faults, checked with runs of pytest over small test files."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.faults_report import faults

CI: Final = Path(__file__).resolve().parents[2]
NAMES: Final = {fault.number: fault.name for fault in faults()}
PASSING: Final = '''

@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.fault({numbers})
def test_passes(number: int) -> None:
    """This test passes twice."""
'''
NOT_PASSING: Final = '''

@pytest.mark.fault(1, 2)
@pytest.mark.parametrize("number", [1, 2])
def test_fails(number: int) -> None:
    """The second case fails."""
    assert number == 1


@pytest.mark.fault(3)
def test_skipped() -> None:
    """This test is skipped."""
    pytest.skip()


@pytest.mark.fault(4)
def test_expected_to_fail() -> None:
    """This test is expected to fail."""
    pytest.xfail()


@pytest.fixture
def failing_teardown() -> None:
    """Fail in the teardown."""
    yield
    raise ValueError


@pytest.mark.fault(5)
def test_fails_in_teardown(failing_teardown: None) -> None:
    """This test fails in its teardown."""


@pytest.mark.fault(6)
def test_not_reached() -> None:
    """The run stops before this test."""
'''


@dataclass(frozen=True)
class Run:
    """The result of a run of pytest.

    Attributes:
        status: Exit status.
        lines: The printed lines about faults that do not end as documented.
        rows: The rows of the written report by fault number.
    """

    status: int
    lines: list[str]
    rows: dict[int, dict[str, Any]]

    @property
    def open(self) -> list[int]:
        """The faults that do not end as documented, according to the report."""
        return [number for number, row in self.rows.items() if not row["ends_as_documented"]]


def passing(numbers: Iterable[int]) -> str:
    """Return a test file whose tests pass and show all of ``numbers``."""
    return "import pytest\n" + PASSING.format(numbers=", ".join(map(str, numbers)))


def run(folder: Path, tests: str, *arguments: str) -> Run:
    """Run a test file as an end-to-end test, with the report."""
    path = folder / "tests/e2e/test_small.py"
    path.parent.mkdir(parents=True)
    path.write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = fault(*numbers)\n")
    # Loading the installed plugins would take longer than the tests.
    variables = os.environ | {"PYTHONPATH": str(CI), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "tests.faults_report", "--faults=faults.json", *arguments]
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    lines = [line for line in result.stdout.splitlines() if "does not end as documented" in line]
    rows = json.loads((folder / "faults.json").read_text())
    return Run(result.returncode, lines, {row["row"]: row for row in rows})


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "--numprocesses=2", "--dist=loadfile"]], ids=["one", "two"])
def test_a_run_with_all_faults_passing_succeeds(tmp_path: Path, workers: list[str]) -> None:
    """If every fault's tests pass, in one process or in several, the run succeeds and lists them for each fault."""
    result = run(tmp_path, passing(NAMES), *workers)
    assert (result.status, result.lines, result.open) == (0, [], [])
    assert {number: row["name"] for number, row in result.rows.items()} == NAMES
    evidence = result.rows[40]["evidence"]
    assert evidence.pop("seconds") >= 0
    assert evidence == {"tests": 2, "end_to_end": [f"tests/e2e/test_small.py::test_passes[{each}]" for each in (1, 2)]}


def test_a_fault_with_a_test_that_does_not_pass_is_open(tmp_path: Path) -> None:
    """A fault is open if one of its tests fails, is skipped, is expected to fail, fails in teardown or does not run."""
    result = run(tmp_path, passing(NAMES) + NOT_PASSING, "--maxfail=2")
    assert result.status == 1
    assert result.open == [1, 2, 3, 4, 5, 6]
    assert result.lines == [f"fault {number} does not end as documented: {NAMES[number]}" for number in result.open]


def test_a_fault_without_a_test_is_open(tmp_path: Path) -> None:
    """A run fails if a fault has no test, even if every test passes."""
    result = run(tmp_path, passing([number for number in NAMES if number != 40]))
    assert (result.status, result.open) == (1, [40])
