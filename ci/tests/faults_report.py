"""A pytest plugin: `--faults=FILE` writes the outcome of each fault in docs/errors.md as JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

TABLE: Final = Path(__file__).resolve().parents[2] / "docs/errors.md"
_KEY: Final = "faults"


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table.

    Attributes:
        number: The number in the tests' markers.
        name: The fault in a few words.
        outcome: How a run with this fault must end.
        errors: The error classes of a run that fails; empty if the run succeeds.
        messages: Parts of the printed messages, with `…` for what varies.
        remedy: What to do.
    """

    number: int
    name: str
    outcome: str
    errors: tuple[str, ...]
    messages: tuple[str, ...]
    remedy: str


def faults() -> Iterator[Fault]:
    """Yield the rows of the table in their order."""
    for line in TABLE.read_text().splitlines():
        number, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if number.isdigit():
            name, outcome, errors, messages, remedy = cells
            classes = tuple(filter(None, errors.split(", ")))
            yield Fault(int(number), name.replace("`", ""), outcome, classes, tuple(messages.split("`")[1::2]), remedy)


class Report:
    """Collects the results of each fault's tests; a worker of pytest-xdist sends its tests to the controller.

    Args:
        file: The file to write.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._numbers: dict[str, list[int]] = {}
        self._results: dict[str, list[pytest.TestReport]] = {}
        self._open: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Collect the fault numbers of each selected test."""
        for item in session.items:
            self._numbers[item.nodeid] = sorted({row for mark in item.iter_markers("fault") for row in mark.args})
        if _is_worker(session):
            session.config.workeroutput[_KEY] = self._numbers  # type: ignore[attr-defined] # set by pytest-xdist

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - pytest-xdist's
        """Add the tests of a worker; a crashed worker has none, and its replacement collects the same."""
        self._numbers |= getattr(node, "workeroutput", {}).get(_KEY, {})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the result of a test's setup, call or teardown."""
        self._results.setdefault(report.nodeid, []).append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file, and fail the session if a fault does not end as documented."""
        if _is_worker(session):
            return
        rows = [self._row(fault) for fault in faults()]
        self._file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        failed = [row for row in rows if not row["ends_as_documented"]]
        self._open = [f"fault {row['row']} does not end as documented: {row['name']}" for row in failed]
        if self._open and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each fault that does not end as documented."""
        for line in self._open:
            terminalreporter.write_line(line, red=True)

    def _row(self, fault: Fault) -> dict[str, Any]:
        tests = [test for test, numbers in self._numbers.items() if fault.number in numbers]
        durations = [phase.duration for test in tests for phase in self._results.get(test, [])]
        return {
            "row": fault.number,
            "name": fault.name,
            "ends_as_documented": bool(tests) and all(map(self._passed, tests)),
            "evidence": {
                "tests": len(tests),
                "end_to_end": sorted(test for test in tests if test.startswith("tests/e2e/")),
                "seconds": round(sum(durations), 2),
            },
        }

    def _passed(self, test: str) -> bool:
        phases = self._results.get(test, [])
        return "call" in {phase.when for phase in phases} and all(phase.passed for phase in phases)


def _is_worker(session: pytest.Session) -> bool:
    return hasattr(session.config, "workeroutput")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--faults", metavar="FILE", help="write the outcome of each fault of docs/errors.md as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Register the report if the option is given; its path is relative to the directory that pytest was started in."""
    if config.option.faults:
        config.pluginmanager.register(Report(config.invocation_params.dir / config.option.faults))
