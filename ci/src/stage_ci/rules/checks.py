"""What the endings of linters and tests mean."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stage_ci.errors import LintFailed, NothingToCheck, TestsFailed
from stage_ci.rules.build_failure import last_line

# pytest's documented exit codes: https://docs.pytest.org/en/stable/reference/exit-codes.html
_PYTEST_OK: Final = 0
_PYTEST_USAGE: Final = 4
_PYTEST_NOTHING_COLLECTED: Final = 5
_TIMED_OUT: Final = 124  # run_tests.py, after timeout(1)
_FIRST_FEW: Final = 3
_STARTED: Final = re.compile(r"^unit tests started at (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ToolRun:
    """How one linter ended; it has findings or broke when ``status`` is not 0."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class LintReport:
    """What the linters said of a number of Python files; of none if ``src/`` holds none."""

    files: int
    runs: Mapping[str, ToolRun]

    def raise_if_failed(self) -> None:
        """Do nothing if every linter ran and is content.

        Raises:
            NothingToCheck: if there was no Python file to look at.
            LintFailed: if a linter has findings; names each one that has.
        """
        if not self.files:
            raise NothingToCheck("no Python file was found in src/", step="lint")
        findings = [f"{name}: {_finding(run)}" for name, run in self.runs.items() if run.status]
        if findings:
            raise LintFailed("; ".join(findings))

    @property
    def summary(self) -> str:
        """One line for a person."""
        return f"{self.files} files, {', '.join(self.runs)} clean"

    @property
    def text(self) -> str:
        """Everything the linters wrote, under their names."""
        parts = [
            f"== {name}: {'clean' if not run.status else 'findings'}\n{run.stdout}{run.stderr}".rstrip()
            for name, run in self.runs.items()
        ]
        return "\n".join([*parts, f"{self.files} files checked", ""])


def _finding(run: ToolRun) -> str:
    """Return the first line that names a place: a file of a diff, or a flake8 line."""
    lines = [line.strip() for line in (run.stdout + "\n" + run.stderr).splitlines() if line.strip()]
    places = [
        line.removeprefix("--- ").split("\t")[0].removesuffix(":before") for line in lines if line.startswith("--- ")
    ]
    shown = places or lines or [f"ended with status {run.status}"]
    rest = len(shown) - 1
    return shown[0] + (f" and {rest} more" if rest else "")


@dataclass(frozen=True, slots=True)
class TestReport:
    """How a test run ended, with the numbers of its JUnit file."""

    __test__ = False  # not a test class, whatever pytest reads in its name

    status: int
    output: str
    tests: int
    failed: tuple[str, ...]
    skipped: int = 0

    @classmethod
    def read(cls, status: int, output: str, junit: str | None) -> "TestReport":
        """Return the report of a run that ended with ``status``; ``junit`` is None where none was written."""
        suite = _suite(junit)
        if suite is None:
            return cls(status, output, 0, ())
        failed = tuple(
            f"{case.get('classname', '')}::{case.get('name', '')}".removeprefix("::")
            for case in suite.iter("testcase")
            if case.find("failure") is not None or case.find("error") is not None
        )
        cases = list(suite.iter("testcase"))
        return cls(status, output, len(cases), failed, sum(1 for case in cases if case.find("skipped") is not None))

    def raise_if_failed(self) -> None:
        """Do nothing if tests ran and all of them passed.

        Raises:
            NothingToCheck: if no test was collected.
            TestsFailed: if a test failed, or the run crashed or ran out of time.
        """
        if self.status == _PYTEST_NOTHING_COLLECTED or (
            self.status == _PYTEST_USAGE and "file or directory not found" in self.output
        ):
            raise NothingToCheck("no test was collected from tests/unit/", step="test")
        if self.status == _TIMED_OUT:
            raise TestsFailed("the tests did not end within their time limit")
        if self.failed:
            named = ", ".join(self.failed[:_FIRST_FEW]) + (" and more" if len(self.failed) > _FIRST_FEW else "")
            raise TestsFailed(f"{len(self.failed)} of {self.tests} tests failed: {named}")
        if self.status != _PYTEST_OK:
            raise TestsFailed(f"pytest ended with status {self.status}: {last_line(self.output)}")
        if self.tests == self.skipped:
            raise NothingToCheck("pytest ran no test", step="test")

    @property
    def summary(self) -> str:
        """One line for a person."""
        return f"{self.tests - self.skipped} passed" + (f", {self.skipped} skipped" if self.skipped else "")


def started_at(output: str) -> datetime | None:
    """Return when a test run started, as its own first line says; None if it never got that far."""
    found = _STARTED.search(output)
    try:
        return datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _suite(junit: str | None) -> ET.Element | None:
    try:
        return None if junit is None else ET.fromstring(junit).find("testsuite")  # noqa: S314 - written by our own pytest
    except ET.ParseError:
        return None
