"""The reports of lint, test and smoke, read from exit codes and output, and the protocol of all reports."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from stage_ci.errors import LintFailed, NothingToCheck, TestsFailed
from stage_ci.rules.tool_output import error_cause, linter_finding, pytest_cause

# pytest's documented exit codes: https://docs.pytest.org/en/stable/reference/exit-codes.html
_PYTEST_OK: Final = 0
_PYTEST_USAGE: Final = 4
_PYTEST_NOTHING_COLLECTED: Final = 5
_NO_TESTS: Final = "file or directory not found: tests/unit"
_TIMED_OUT: Final = 124  # of run_tests.py; the same status as that of timeout(1)
_FIRST_FEW: Final = 3
_STARTED: Final = re.compile(r"^unit tests started at (\S+)$", re.MULTILINE)


class Report(Protocol):
    """The result of a check: one line for a summary, and the error if the check fails."""

    @property
    def summary(self) -> str:
        """One line for people."""

    def raise_if_failed(self) -> None:
        """Raise a StageError if the check fails."""


@dataclass(frozen=True, slots=True)
class SmokeReport:
    """The answers of an image that passed the smoke test, one line each; an image that fails has no report."""

    output: str

    @property
    def summary(self) -> str:
        """One line for people."""
        return self.output.strip().splitlines()[-1]

    def raise_if_failed(self) -> None:
        """Do not raise, because a report exists only if the smoke test passed."""


@dataclass(frozen=True, slots=True)
class ToolRun:
    """The result of one linter; a ``status`` other than 0 means that it has findings or crashed."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class LintReport:
    """The results of the linters; ``files`` is the number of Python files, 0 if there are none in ``src/``."""

    files: int
    runs: Mapping[str, ToolRun]

    def raise_if_failed(self) -> None:
        """Raise if a linter has findings, or if there was nothing to check.

        Raises:
            NothingToCheck: if there was no Python file.
            LintFailed: if a linter has findings; names each such linter.
        """
        if not self.files:
            raise NothingToCheck("no Python file was found in src/", step="lint")
        findings = [
            f"{name}: {linter_finding(run.stdout, run.stderr, run.status)}"
            for name, run in self.runs.items()
            if run.status
        ]
        if findings:
            raise LintFailed("; ".join(findings))

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.files} files, {', '.join(self.runs)} clean"

    @property
    def text(self) -> str:
        """The whole output of each linter, under its name."""
        parts = [
            f"== {name}: {'clean' if not run.status else 'findings'}\n{run.stdout}{run.stderr}".rstrip()
            for name, run in self.runs.items()
        ]
        return "\n".join([*parts, f"{self.files} files checked", ""])


@dataclass(frozen=True, slots=True)
class TestReport:
    """The result of a test run, with the numbers of its JUnit file."""

    __test__ = False  # pytest would collect the class by its name

    status: int
    output: str
    tests: int
    failed: tuple[str, ...]
    skipped: int = 0

    @classmethod
    def read(cls, status: int, output: str, junit: str | None) -> "TestReport":
        """Return the report of a run with the exit status ``status``; ``junit`` is None if no file was written."""
        suite = _suite(junit)
        if suite is None:
            return cls(status, output, 0, ())
        # pytest reports an error of its own as the case of a class "pytest": _pytest/junitxml.py.
        cases = [case for case in suite.iter("testcase") if case.get("classname") != "pytest"]
        failed = tuple(
            _named(case) for case in cases if case.find("failure") is not None or case.find("error") is not None
        )
        return cls(status, output, len(cases), failed, sum(1 for case in cases if case.find("skipped") is not None))

    @classmethod
    def joined(cls, reports: Sequence["TestReport"]) -> "TestReport":
        """Return the report of the runs of several groups; its status and output are those of the first that failed."""
        first = next((report for report in reports if report.status), reports[0])
        failed = tuple(name for report in reports for name in report.failed)
        tests, skipped = sum(report.tests for report in reports), sum(report.skipped for report in reports)
        return cls(first.status, first.output, tests, failed, skipped)

    def raise_if_failed(self) -> None:
        """Raise if a test failed, or none ran.

        Raises:
            NothingToCheck: if no test was collected.
            TestsFailed: if a test failed, or the run crashed or ran out of time.
        """
        if self.status == _PYTEST_NOTHING_COLLECTED or (
            self.status == _PYTEST_USAGE and pytest_cause(self.output).rstrip("/") == _NO_TESTS
        ):
            raise NothingToCheck("no test was collected from tests/unit/", step="test")
        if self.status == _TIMED_OUT:
            raise TestsFailed("the tests did not end within their time limit")
        if self.failed:
            named = ", ".join(self.failed[:_FIRST_FEW]) + (" and more" if len(self.failed) > _FIRST_FEW else "")
            raise TestsFailed(f"{len(self.failed)} of {self.tests} tests failed: {named}")
        if self.status != _PYTEST_OK:
            raise TestsFailed(f"pytest ended with status {self.status}: {pytest_cause(self.output)}")
        if self.tests == self.skipped:
            raise NothingToCheck("pytest ran no test", step="test")

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.tests - self.skipped} passed" + (f", {self.skipped} skipped" if self.skipped else "")


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """The result of measuring the tests' coverage; ``gaps`` has the last line of each run that wrote no file."""

    gaps: Sequence[str]

    @property
    def summary(self) -> str:
        """One line for people."""
        return "measured"

    def raise_if_failed(self) -> None:
        """Raise if the coverage of a group was not measured.

        Raises:
            TestsFailed: with the last line of the first such run.
        """
        if self.gaps:
            raise TestsFailed(
                f"not measured: {self.gaps[0]}",
                step="coverage",
                remedy="run `dagger call test` to see the tests alone",
            )


def started_at(output: str) -> datetime | None:
    """Return the start time in the first line of a test run's output; None if the run printed none."""
    found = _STARTED.search(output)
    try:
        return datetime.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _named(case: ET.Element) -> str:
    """Return the name of a test that failed, with the reason if it did not even run."""
    name = f"{case.get('classname', '')}::{case.get('name', '')}".removeprefix("::")
    error = case.find("error")
    reason = "" if error is None else error_cause(error.get("message", ""), error.text or "")
    return f"{name} ({reason})" if reason else name


def _suite(junit: str | None) -> ET.Element | None:
    try:
        return None if junit is None else ET.fromstring(junit).find("testsuite")  # noqa: S314 - written by our own pytest
    except ET.ParseError:
        return None
