"""What the endings of linters and tests mean."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import LintFailed, NothingToCheck, StageError, TestsFailed
from stage_ci.rules.checks import LintReport, TestReport, ToolRun, started_at

CLEAN = ToolRun(0, "", "")
BLACK = ToolRun(1, "--- src/a.py\t2026-01-01 00:00:00\n+++ src/a.py\t2026-01-01 00:00:00\n@@ -1 +1 @@\n-x\n+y\n", "")
FLAKE8 = ToolRun(1, "./src/a.py:1:1: F401 'os' imported but unused\n./src/b.py:2:1: E302 expected 2 blank lines\n", "")
ISORT = ToolRun(
    1, "--- src/c.py:before\t2026-01-01\n+++ src/c.py:after\n", "ERROR: src/c.py Imports are incorrectly sorted\n"
)


def junit(*cases: str, skipped: int = 0) -> str:
    """Return a JUnit file of these cases, each the inside of a testcase element."""
    inner = "".join(
        f'<testcase classname="tests.unit.test_x" name="test_{n}">{c}</testcase>' for n, c in enumerate(cases)
    )
    return f'<testsuites><testsuite tests="{len(cases)}" skipped="{skipped}">{inner}</testsuite></testsuites>'


GREEN = junit("", "", "")


def lint(files: int = 4, **runs: ToolRun) -> LintReport:
    """Return a report in which the tools that are not named are clean."""
    return LintReport(files, {"black": CLEAN, "flake8": CLEAN, "isort": CLEAN} | runs)


def test_clean_linters_are_a_pass() -> None:
    """And the summary says how much was looked at."""
    report = lint()
    report.raise_if_failed()
    assert report.summary == "4 files, black, flake8, isort clean"


@pytest.mark.fault(30)
def test_no_python_file_is_no_pass() -> None:
    """Linters are content with nothing; nothing checked is a failure."""
    with pytest.raises(NothingToCheck, match=r"^lint: no Python file was found"):
        lint(0).raise_if_failed()


@pytest.mark.fault(32)
def test_findings_of_all_tools_are_told_at_once() -> None:
    """One run names each tool that has findings, and where the first one lies."""
    with pytest.raises(LintFailed) as failed:
        lint(black=BLACK, flake8=FLAKE8, isort=ISORT).raise_if_failed()
    assert failed.value.cause == (
        "black: src/a.py; flake8: ./src/a.py:1:1: F401 'os' imported but unused and 1 more; isort: src/c.py"
    )


def test_a_clean_tool_is_not_named_beside_one_with_findings() -> None:
    """Only what has to be mended."""
    with pytest.raises(LintFailed) as failed:
        lint(flake8=FLAKE8).raise_if_failed()
    assert "black" not in failed.value.cause


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (
            ToolRun(123, "", "error: cannot format src/a.py: Cannot parse\n"),
            "error: cannot format src/a.py: Cannot parse",
        ),
        (ToolRun(137, "", ""), "ended with status 137"),
        (ToolRun(2, "\n \n", "\nusage: black\n"), "usage: black"),
    ],
)
def test_a_tool_that_broke_is_no_pass(run: ToolRun, told: str) -> None:
    """Without findings, its own words or its status are told."""
    with pytest.raises(LintFailed, match=f"black: {told}"):
        lint(black=run).raise_if_failed()


@pytest.mark.fault(32)
def test_the_report_holds_everything_that_was_said() -> None:
    """Under the names of the tools, with what was clean as well."""
    text = lint(black=BLACK, isort=ISORT).text
    assert text.startswith("== black: findings\n--- src/a.py")
    assert "== flake8: clean\n== isort: findings\n--- src/c.py:before" in text
    assert text.endswith("ERROR: src/c.py Imports are incorrectly sorted\n4 files checked\n")


def test_passed_tests_are_a_pass() -> None:
    """With their number in the summary."""
    report = TestReport.read(0, "3 passed", GREEN)
    report.raise_if_failed()
    assert report.summary == "3 passed"


def test_a_skipped_test_did_not_pass() -> None:
    """JUnit counts skipped tests among the tests; the summary does not call them passed."""
    report = TestReport.read(0, "", junit("", "", "<skipped/>", skipped=1))
    report.raise_if_failed()
    assert report.summary.startswith("2 passed")


@pytest.mark.fault(30)
def test_skipping_every_test_is_no_pass() -> None:
    """A run in which nothing was tried has checked nothing."""
    with pytest.raises(NothingToCheck):
        TestReport.read(0, "", junit("<skipped/>", "<skipped/>", skipped=2)).raise_if_failed()


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("status", "output"),
    [(5, "no tests ran in 0.01s"), (4, "ERROR: file or directory not found: tests/unit/\n\nno tests ran in 0.00s\n")],
)
def test_no_collected_test_is_no_pass(status: int, output: str) -> None:
    """An empty folder, or none at all."""
    with pytest.raises(NothingToCheck, match=r"^test: no test was collected from tests/unit/"):
        TestReport.read(status, output, junit()).raise_if_failed()


@pytest.mark.fault(30)
@pytest.mark.parametrize("report", [None, "", "<testsuites/>", junit(), "<testsuites><testsuite"])
def test_a_pass_without_a_report_of_tests_is_none(report: str | None) -> None:
    """Whoever ends the interpreter with status 0 has run nothing."""
    with pytest.raises(NothingToCheck, match=r"^test: pytest ran no test"):
        TestReport.read(0, "", report).raise_if_failed()


def test_what_a_passing_test_prints_does_not_count() -> None:
    """A test of the service's own messages may speak of files that are not found."""
    TestReport.read(0, "WARNING file or directory not found: model.pkl\n3 passed", GREEN).raise_if_failed()


@pytest.mark.fault(31)
def test_what_a_failing_test_prints_does_not_hide_it() -> None:
    """The failure is told, not that nothing was collected."""
    report = TestReport.read(1, "file or directory not found: model.pkl", junit("<failure/>", ""))
    with pytest.raises(TestsFailed, match="1 of 2 tests failed"):
        report.raise_if_failed()


@pytest.mark.fault(31)
def test_failed_tests_are_named() -> None:
    """The first few by name, failures and errors alike."""
    bad = "<failure message='no'>E</failure>"
    report = TestReport.read(1, "", junit("", bad, "<error/>", bad, bad, "<skipped/>"))
    with pytest.raises(TestsFailed) as failed:
        report.raise_if_failed()
    names = ", ".join(f"tests.unit.test_x::test_{number}" for number in (1, 2, 3))
    assert failed.value.cause == f"4 of 6 tests failed: {names} and more"


def test_a_file_that_cannot_be_collected_is_named_by_its_name_alone() -> None:
    """Pytest reports it as a case without a class."""
    case = '<testcase classname="" name="tests.unit.test_x"><error/></testcase>'
    report = f'<testsuites><testsuite tests="1">{case}</testsuite></testsuites>'
    with pytest.raises(TestsFailed, match=r"failed: tests\.unit\.test_x"):
        TestReport.read(2, "", report).raise_if_failed()


@pytest.mark.fault(31)
def test_a_run_out_of_time_is_told_as_such() -> None:
    """Whatever the tests had come to by then."""
    with pytest.raises(TestsFailed, match="did not end within their time limit"):
        TestReport.read(124, "..", None).raise_if_failed()


@pytest.mark.fault(31)
@pytest.mark.parametrize("status", [1, 2, 3, 4, 137, 139])
def test_a_crash_is_told_with_the_last_line(status: int) -> None:
    """A crashing interpreter leaves no report, and half of one counts for nothing."""
    for report in (None, "<testsuites><testsuite", GREEN):
        with pytest.raises(TestsFailed, match=f"pytest ended with status {status}: Segmentation fault"):
            TestReport.read(status, "tests/unit/test_x.py ..\nSegmentation fault\n\n", report).raise_if_failed()


@given(st.integers(-20, 300), st.text(max_size=40), st.none() | st.text(max_size=40) | st.just(GREEN))
def test_any_status_but_0_is_a_failure(status: int, output: str, report: str | None) -> None:
    """And 0 is a pass only with a report of tests."""
    read = TestReport.read(status, output, report)
    if status == 0 and report == GREEN:
        read.raise_if_failed()
    else:
        with pytest.raises(StageError):
            read.raise_if_failed()


@pytest.mark.parametrize("count", ["", "***", "many"])
def test_a_report_with_an_unreadable_number_is_no_pass(count: str) -> None:
    """An error of the pipeline's own, not a traceback."""
    with pytest.raises(StageError):
        TestReport.read(0, "", f'<testsuites><testsuite tests="{count}"/></testsuites>').raise_if_failed()


def test_the_start_of_a_run_is_read_out_of_its_first_line() -> None:
    """A result out of the cache is told by its age; what a test prints later does not count."""
    output = "unit tests started at 2026-05-04T12:00:00+00:00\nunit tests started at 2027-01-01T00:00:00+00:00\n"
    assert started_at(output) == datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize("output", ["", "no tests ran\n", "unit tests started at \n", "unit tests started at noon\n"])
def test_a_run_that_never_started_has_no_start(output: str) -> None:
    """Nor has one that says something else."""
    assert started_at(output) is None
