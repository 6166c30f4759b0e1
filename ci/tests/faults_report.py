"""How the forty faults of docs/errors.md ended in a run of pytest: a plugin with the option `--faults=FILE`."""

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
        number: What the tests carry.
        name: What goes wrong, in a few words.
        ends: How it must end.
        errors: The classes of the errors that it ends with; none if it ends well.
        says: What is said then: parts of messages, with `…` for what differs.
        remedy: What to do.
    """

    number: int
    name: str
    ends: str
    errors: tuple[str, ...]
    says: tuple[str, ...]
    remedy: str


def faults() -> Iterator[Fault]:
    """Yield the rows of the table, in their order."""
    for line in TABLE.read_text().splitlines():
        number, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if number.isdigit():
            name, ends, errors, says, remedy = cells
            kinds = tuple(filter(None, errors.split(", ")))
            yield Fault(int(number), name.replace("`", ""), ends, kinds, tuple(says.split("`")[1::2]), remedy)


class Report:
    """Gathers what the tests of each fault came to; on a worker of xdist, tells the controller which tests those are.

    Args:
        file: The file to write.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._carried: dict[str, list[int]] = {}
        self._outcomes: dict[str, list[pytest.TestReport]] = {}
        self._amiss: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Look which numbers each test carries that is going to run."""
        for item in session.items:
            self._carried[item.nodeid] = sorted({row for mark in item.iter_markers("fault") for row in mark.args})
        if _is_worker(session):
            session.config.workeroutput[_KEY] = self._carried  # type: ignore[attr-defined] # xdist's

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - xdist's
        """Take over what a worker has collected; one that crashed says nothing, and the one in its place does."""
        self._carried |= getattr(node, "workeroutput", {}).get(_KEY, {})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how a part of a test ended: its set-up, itself, or what comes after it."""
        self._outcomes.setdefault(report.nodeid, []).append(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the file, and let the run fail if a fault does not end as written."""
        if _is_worker(session):
            return
        rows = [self._row(fault) for fault in faults()]
        self._file.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        amiss = [row for row in rows if not row["ends_as_written"]]
        self._amiss = [f"fault {row['row']} does not end as written: {row['name']}" for row in amiss]
        if self._amiss and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each fault that does not end as written."""
        for line in self._amiss:
            terminalreporter.write_line(line, red=True)

    def _row(self, fault: Fault) -> dict[str, Any]:
        tests = [test for test, numbers in self._carried.items() if fault.number in numbers]
        durations = [part.duration for test in tests for part in self._outcomes.get(test, [])]
        return {
            "row": fault.number,
            "name": fault.name,
            "ends_as_written": bool(tests) and all(map(self._passed, tests)),
            "evidence": {
                "tests": len(tests),
                "end_to_end": sorted(test for test in tests if test.startswith("tests/e2e/")),
                "seconds": round(sum(durations), 2),
            },
        }

    def _passed(self, test: str) -> bool:
        parts = self._outcomes.get(test, [])
        return "call" in {part.when for part in parts} and all(part.passed for part in parts)


def _is_worker(session: pytest.Session) -> bool:
    return hasattr(session.config, "workeroutput")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--faults", metavar="FILE", help="write how each fault of docs/errors.md ended, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Report if the option is given; its path is relative to where pytest was called."""
    if config.option.faults:
        config.pluginmanager.register(Report(config.invocation_params.dir / config.option.faults))
