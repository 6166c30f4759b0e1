"""The reports of lint and test, read from exit codes and output."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import LintFailed, NothingToCheck, StageError, TestsFailed
from stage_ci.rules.checks import CoverageReport, LintReport, TestReport, ToolRun, started_at

CLEAN = ToolRun(0, "", "")
BLACK = ToolRun(1, "--- src/a.py\t2026-01-01 00:00:00\n+++ src/a.py\t2026-01-01 00:00:00\n@@ -1 +1 @@\n-x\n+y\n", "")
FLAKE8 = ToolRun(1, "./src/a.py:1:1: F401 'os' imported but unused\n./src/b.py:2:1: E302 expected 2 blank lines\n", "")
ISORT = ToolRun(
    1, "--- src/c.py:before\t2026-01-01\n+++ src/c.py:after\n", "ERROR: src/c.py Imports are incorrectly sorted\n"
)


def junit(*cases: str, skipped: int = 0) -> str:
    """Return a JUnit file with one testcase element for each of ``cases``, which are the elements' contents."""
    inner = "".join(
        f'<testcase classname="tests.unit.test_x" name="test_{n}">{c}</testcase>' for n, c in enumerate(cases)
    )
    return f'<testsuites><testsuite tests="{len(cases)}" skipped="{skipped}">{inner}</testsuite></testsuites>'


GREEN = junit("", "", "")


def lint(files: int = 4, **runs: ToolRun) -> LintReport:
    """Return a report in which all tools are clean except those in ``runs``."""
    return LintReport(files, {"black": CLEAN, "flake8": CLEAN, "isort": CLEAN} | runs)


def test_clean_linters_pass() -> None:
    """If no linter has findings, lint passes, and the summary has the number of files."""
    report = lint()
    report.raise_if_failed()
    assert report.summary == "4 files, black, flake8, isort clean"


@pytest.mark.fault(30)
def test_a_source_without_python_files_fails_lint() -> None:
    """Lint fails if there is no Python file, although linters accept an empty folder."""
    with pytest.raises(NothingToCheck, match=r"^lint: no Python file was found"):
        lint(0).raise_if_failed()


@pytest.mark.fault(32)
def test_the_findings_of_all_tools_are_reported_at_once() -> None:
    """One error names each tool with findings, and the location of its first finding."""
    with pytest.raises(LintFailed) as failed:
        lint(black=BLACK, flake8=FLAKE8, isort=ISORT).raise_if_failed()
    assert failed.value.cause == (
        "black: src/a.py; flake8: ./src/a.py:1:1: F401 'os' imported but unused and 1 more; isort: src/c.py"
    )


def test_a_clean_tool_is_not_in_the_error() -> None:
    """The error names only the tools with findings."""
    with pytest.raises(LintFailed) as failed:
        lint(flake8=FLAKE8).raise_if_failed()
    assert "black" not in failed.value.cause


@pytest.mark.parametrize(
    ("run", "finding"),
    [
        (
            ToolRun(123, "", "error: cannot format src/a.py: Cannot parse\n"),
            "error: cannot format src/a.py: Cannot parse",
        ),
        (ToolRun(137, "", ""), "ended with status 137"),
        (ToolRun(2, "\n \n", "\nusage: black\n"), "usage: black"),
    ],
)
def test_a_tool_that_crashes_fails_lint(run: ToolRun, finding: str) -> None:
    """The error for a crashed tool has the first line of its output, or its exit status if there is no output."""
    with pytest.raises(LintFailed, match=f"black: {finding}"):
        lint(black=run).raise_if_failed()


@pytest.mark.fault(32)
def test_the_report_contains_the_output_of_every_tool() -> None:
    """The report has a heading for each tool, clean ones included, and the whole output below it."""
    text = lint(black=BLACK, isort=ISORT).text
    assert text.startswith("== black: findings\n--- src/a.py")
    assert "== flake8: clean\n== isort: findings\n--- src/c.py:before" in text
    assert text.endswith("ERROR: src/c.py Imports are incorrectly sorted\n4 files checked\n")


def test_passed_tests_pass() -> None:
    """If all tests pass, the summary has their number."""
    report = TestReport.read(0, "3 passed", GREEN)
    report.raise_if_failed()
    assert report.summary == "3 passed"


def test_a_skipped_test_is_not_counted_as_passed() -> None:
    """The summary does not count skipped tests as passed, although JUnit counts them as tests."""
    report = TestReport.read(0, "", junit("", "", "<skipped/>", skipped=1))
    report.raise_if_failed()
    assert report.summary.startswith("2 passed")


@pytest.mark.fault(30)
def test_skipping_every_test_fails() -> None:
    """A run that skips every test fails, because it has checked nothing."""
    with pytest.raises(NothingToCheck):
        TestReport.read(0, "", junit("<skipped/>", "<skipped/>", skipped=2)).raise_if_failed()


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("status", "output"),
    [(5, "no tests ran in 0.01s"), (4, "ERROR: file or directory not found: tests/unit/\n\nno tests ran in 0.00s\n")],
)
def test_a_run_that_collects_no_test_fails(status: int, output: str) -> None:
    """A run fails if tests/unit/ is empty or does not exist."""
    with pytest.raises(NothingToCheck, match=r"^test: no test was collected from tests/unit/"):
        TestReport.read(status, output, junit()).raise_if_failed()


@pytest.mark.fault(30)
@pytest.mark.parametrize("report", [None, "", "<testsuites/>", junit(), "<testsuites><testsuite"])
def test_status_0_without_a_report_fails(report: str | None) -> None:
    """A run that exits with status 0 but leaves no report of a test fails."""
    with pytest.raises(NothingToCheck, match=r"^test: pytest ran no test"):
        TestReport.read(0, "", report).raise_if_failed()


def test_the_output_of_a_passing_test_does_not_fail_it() -> None:
    """A passing test may print the text by which pytest reports a missing folder."""
    TestReport.read(0, "WARNING file or directory not found: model.pkl\n3 passed", GREEN).raise_if_failed()


@pytest.mark.fault(31)
def test_the_output_of_a_failing_test_does_not_hide_it() -> None:
    """A failing test that prints pytest's text for a missing folder is reported as a failed test."""
    report = TestReport.read(1, "file or directory not found: model.pkl", junit("<failure/>", ""))
    with pytest.raises(TestsFailed, match="1 of 2 tests failed"):
        report.raise_if_failed()


@pytest.mark.fault(31)
def test_failed_tests_are_named() -> None:
    """The error names the first three failed tests; failures and errors both count."""
    bad = "<failure message='no'>E</failure>"
    report = TestReport.read(1, "", junit("", bad, "<error/>", bad, bad, "<skipped/>"))
    with pytest.raises(TestsFailed) as failed:
        report.raise_if_failed()
    names = ", ".join(f"tests.unit.test_x::test_{number}" for number in (1, 2, 3))
    assert failed.value.cause == f"4 of 6 tests failed: {names} and more"


def test_a_file_that_cannot_be_collected_is_named() -> None:
    """A file that cannot be collected, which pytest reports as a case without a class, is named without colons."""
    case = '<testcase classname="" name="tests.unit.test_x"><error/></testcase>'
    report = f'<testsuites><testsuite tests="1">{case}</testsuite></testsuites>'
    with pytest.raises(TestsFailed, match=r"failed: tests\.unit\.test_x"):
        TestReport.read(2, "", report).raise_if_failed()


@pytest.mark.fault(31)
def test_a_timeout_is_reported() -> None:
    """A run that exceeds its time limit fails with an error about the limit."""
    with pytest.raises(TestsFailed, match="did not end within their time limit"):
        TestReport.read(124, "..", None).raise_if_failed()


@pytest.mark.fault(31)
@pytest.mark.parametrize("status", [1, 2, 3, 4, 137, 139])
def test_a_crash_is_reported_with_the_last_line(status: int) -> None:
    """The error for a crash has the exit status and the last line, with a report, half of one, or none."""
    for report in (None, "<testsuites><testsuite", GREEN):
        with pytest.raises(TestsFailed, match=f"pytest ended with status {status}: Segmentation fault"):
            TestReport.read(status, "tests/unit/test_x.py ..\nSegmentation fault\n\n", report).raise_if_failed()


@given(st.integers(-20, 300), st.text(max_size=40), st.none() | st.text(max_size=40) | st.just(GREEN))
def test_any_status_except_0_fails(status: int, output: str, report: str | None) -> None:
    """Every status except 0 fails, and 0 passes only with a report of tests."""
    read = TestReport.read(status, output, report)
    if status == 0 and report == GREEN:
        read.raise_if_failed()
    else:
        with pytest.raises(StageError):
            read.raise_if_failed()


@pytest.mark.parametrize("count", ["", "***", "many"])
def test_a_report_with_an_invalid_number_fails(count: str) -> None:
    """A report with an invalid number of tests gives a StageError instead of a traceback."""
    with pytest.raises(StageError):
        TestReport.read(0, "", f'<testsuites><testsuite tests="{count}"/></testsuites>').raise_if_failed()


def test_the_start_time_is_read_from_the_first_line() -> None:
    """The start time, which shows whether a result is cached, is that of the first matching line."""
    output = "unit tests started at 2026-05-04T12:00:00+00:00\nunit tests started at 2027-01-01T00:00:00+00:00\n"
    assert started_at(output) == datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize("output", ["", "no tests ran\n", "unit tests started at \n", "unit tests started at noon\n"])
def test_output_without_a_start_time_gives_none(output: str) -> None:
    """Output without a start time, or with an invalid one, gives None."""
    assert started_at(output) is None


def test_the_runs_of_several_groups_are_one_report() -> None:
    """The numbers are added up, and the summary does not show the groups."""
    report = TestReport.joined([TestReport.read(0, "", GREEN), TestReport.read(0, "", junit("", "<skipped/>"))])
    report.raise_if_failed()
    assert report.summary == "4 passed, 1 skipped"


def test_the_failures_of_all_groups_are_counted() -> None:
    """The error has the failures of all groups, out of the tests of all groups."""
    red = TestReport.read(1, "", junit("<failure/>", ""))
    with pytest.raises(TestsFailed, match=r"2 of 7 tests failed: tests\.unit\.test_x::test_0, tests"):
        TestReport.joined([TestReport.read(0, "", GREEN), red, red]).raise_if_failed()


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("status", "error"), [(5, NothingToCheck), (124, TestsFailed), (137, TestsFailed)], ids=["none", "hangs", "crash"]
)
def test_a_group_that_did_not_run_fails_the_others(status: int, error: type[StageError]) -> None:
    """The tests fail if one group collects nothing, hangs or crashes, although the others pass."""
    with pytest.raises(error):
        TestReport.joined([TestReport.read(0, "", GREEN), TestReport.read(status, "", None)]).raise_if_failed()


def test_coverage_that_was_not_measured_fails_with_the_last_line() -> None:
    """The error has the last line of the first run that wrote no file; a report without gaps passes."""
    CoverageReport([]).raise_if_failed()
    with pytest.raises(TestsFailed, match=r"^coverage: not measured: error: unrecognized arguments: --cov=src; "):
        CoverageReport(["error: unrecognized arguments: --cov=src", "another"]).raise_if_failed()
