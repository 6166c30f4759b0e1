"""The report of the forty faults, written by pytest itself about a few small tests."""

import json
import os
import subprocess
import sys
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
    """Once for each number."""
'''
AMISS: Final = '''

@pytest.mark.fault(1, 2)
@pytest.mark.parametrize("number", [1, 2])
def test_fails(number: int) -> None:
    """The second time."""
    assert number == 1


@pytest.mark.fault(3)
def test_skipped() -> None:
    """A test that did not run shows nothing."""
    pytest.skip()


@pytest.mark.fault(4)
def test_expected_to_fail() -> None:
    """Neither does one that nobody expects to hold."""
    pytest.xfail()


@pytest.fixture
def untidy() -> None:
    """Fail afterwards."""
    yield
    raise ValueError


@pytest.mark.fault(5)
def test_untidy(untidy: None) -> None:
    """A server that cannot be stopped, or a check that is made at the end."""


@pytest.mark.fault(6)
def test_not_reached() -> None:
    """The run was given up before."""
'''


@dataclass(frozen=True)
class Run:
    """How a run of pytest ended.

    Attributes:
        status: Its exit status.
        said: What it printed of faults that do not end as written.
        rows: What it wrote, by number.
    """

    status: int
    said: list[str]
    rows: dict[int, dict[str, Any]]

    @property
    def amiss(self) -> list[int]:
        """Return the faults that do not end as written, by what it wrote."""
        return [number for number, row in self.rows.items() if not row["ends_as_written"]]


def passing(numbers: range) -> str:
    """Return tests that pass, for the faults of ``numbers``."""
    return "import pytest\n" + PASSING.format(numbers=", ".join(map(str, numbers)))


def run(folder: Path, tests: str, *arguments: str) -> Run:
    """Run ``tests`` as end-to-end tests of a folder."""
    path = folder / "tests/e2e/test_small.py"
    path.parent.mkdir(parents=True)
    path.write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = fault(*numbers)\n")
    # What pytest loads by itself takes longer than these tests.
    environment = os.environ | {"PYTHONPATH": str(CI), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "tests.faults_report", "--faults=faults.json", *arguments]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = [line for line in ended.stdout.splitlines() if "does not end as written" in line]
    rows = json.loads((folder / "faults.json").read_text())
    return Run(ended.returncode, said, {row["row"]: row for row in rows})


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "--numprocesses=2", "--dist=loadfile"]], ids=["one", "two"])
def test_a_run_in_which_all_faults_end_as_written_is_green(tmp_path: Path, workers: list[str]) -> None:
    """The file has a row for each of the forty, with the tests that show it, from one process or from several."""
    ended = run(tmp_path, passing(range(1, 41)), *workers)
    assert (ended.status, ended.said, ended.amiss) == (0, [], [])
    assert {number: row["name"] for number, row in ended.rows.items()} == NAMES
    evidence = ended.rows[40]["evidence"]
    assert evidence.pop("seconds") >= 0
    assert evidence == {"tests": 2, "end_to_end": [f"tests/e2e/test_small.py::test_passes[{each}]" for each in (1, 2)]}


def test_a_fault_of_which_one_test_does_not_pass_is_open(tmp_path: Path) -> None:
    """Failed, skipped, expected to fail, failed afterwards, or not reached: each is told in a line."""
    ended = run(tmp_path, passing(range(1, 41)) + AMISS, "--maxfail=2")
    assert ended.status == 1
    assert ended.amiss == [1, 2, 3, 4, 5, 6]
    assert ended.said == [f"fault {number} does not end as written: {NAMES[number]}" for number in ended.amiss]


def test_a_fault_without_a_test_is_open(tmp_path: Path) -> None:
    """Though nothing failed, the run is red."""
    ended = run(tmp_path, passing(range(1, 40)))
    assert (ended.status, ended.amiss) == (1, [40])
