"""The line in the output of pytest or of a linter that tells why it failed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.checks import TestReport
from stage_ci.rules.tool_output import error_cause, linter_finding, pytest_cause

HEAD = "============ test session starts ============\nplatform linux -- Python 3.11.9, pytest-9.2.0\nrootdir: /work\n"
ROOT = "  inifile: /work/pytest.ini\n  rootdir: /work\n\n"
USAGE = "ERROR: usage: {} [options] [file_or_dir] [file_or_dir] [...]\n{}: error: {}\n" + ROOT
FIRST_LINE = "ImportError while loading conftest '/work/tests/conftest.py'"
CONFTEST = f"""{FIRST_LINE}.
tests/conftest.py:1: in <module>
    import settings
src/settings.py:9: in <module>
    Settings()
E   pydantic_core.ValidationError: 1 validation error for Settings
E   DATABRICKS_HOST
E     Field required
"""
INTERNAL = """INTERNALERROR> Traceback (most recent call last):
INTERNALERROR>   File "/venv/lib/python3.11/site-packages/_pytest/main.py", line 333, in wrap_session
INTERNALERROR>     session.exitstatus = doit(config, session) or 0
INTERNALERROR> KeyError: 'order'

============ no tests ran in 0.03s ============
"""
PLUGIN = """Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/_pytest/config/__init__.py", line 1, in load
    __import__(name)
sqlalchemy.exc.ArgumentError: Could not parse the URL
"""
COVERAGE = """tests/unit/test_m.py ..                          [100%]
ERROR: Coverage failure: total of 75 is less than fail-under=99

---------- coverage: platform linux, python 3.11.9 ----------
TOTAL  4  1  75%
FAIL Required test coverage of 99% not reached. Total coverage: 75.00%
============ 2 passed in 0.05s ============
"""
WARNINGS = """ERROR: while parsing the following warning configuration:

  error::x.Missing

This error occurred:

Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/_pytest/config/__init__.py", line 1, in parse_warning_filter
AttributeError: module 'x' has no attribute 'Missing'
"""
FATAL = (
    HEAD
    + """tests/unit/test_n.py Fatal Python error: Segmentation fault

Current thread 0x00007f (most recent call first):
  File "/work/tests/unit/test_n.py", line 3 in test_x
  File "<frozen runpy>", line 88 in _run_code
Extension modules: numpy.core (total: 1)
"""
)


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (USAGE.format("pytest", "pytest", "unrecognized arguments: --ff"), "unrecognized arguments: --ff"),
        (USAGE.format("__main__.py", "__main__.py", "unrecognized arguments: -n"), "unrecognized arguments: -n"),
        (USAGE.format("x -m pytest", "x -m pytest", "argument -n: expected 1"), "argument -n: expected 1"),
        (f"{HEAD}ERROR: file or directory not found: tests/slow\n\n", "file or directory not found: tests/slow"),
        ("ERROR: Missing required plugins: pytest-x\n\n", "Missing required plugins: pytest-x"),
        ("ERROR: /work/pytest.ini:2: unexpected line: 'foo'\n\n", "/work/pytest.ini:2: unexpected line: 'foo'"),
        (
            CONFTEST,
            f"{FIRST_LINE}: pydantic_core.ValidationError: 1 validation error for Settings",
        ),
        (
            "ImportError while loading conftest '/work/conftest.py'.\n",
            "ImportError while loading conftest '/work/conftest.py'",
        ),
        (HEAD + INTERNAL, "KeyError: 'order'"),
        (PLUGIN, "sqlalchemy.exc.ArgumentError: Could not parse the URL"),
        (COVERAGE.replace("FAIL ", ""), "Coverage failure: total of 75 is less than fail-under=99"),
        (COVERAGE, "Required test coverage of 99% not reached. Total coverage: 75.00%"),
        (FATAL, "tests/unit/test_n.py Fatal Python error: Segmentation fault"),
        ("!!!!!!!! _pytest.outcomes.Exit: no database !!!!!!!!\n==== 1 passed ====\n", "Exit: no database"),
        (
            "!!! xdist.dsession.Interrupted: maximum crashed workers reached: 4 !!!\n",
            "Interrupted: maximum crashed workers reached: 4",
        ),
        (
            f"{HEAD}tests/unit/test_m.py .      [ 50%]\ntests/unit/test_n.py ",
            "Python ended while it ran tests/unit/test_n.py",
        ),
        (f"{HEAD}tests/unit/test_n.py ..F\n", "Python ended while it ran tests/unit/test_n.py"),
        (f"{HEAD}tests/unit/test_n.py::test_x[a b] ", "Python ended while it ran tests/unit/test_n.py::test_x[a b]"),
        ("....F.s   [ 58%]\n..", "Python ended while it ran the tests"),
        ("+++++++++ Timeout +++++++++\n~~~ Stack of x ~~~\n+++++++++ Timeout +++++++++\n", "Timeout"),
        (WARNINGS, "while parsing the following warning configuration: error::x.Missing"),
        ("/venv/bin/python: No module named pytest\n", "/venv/bin/python: No module named pytest"),
        ("ERROR: of the service\n.\nERROR: Unknown config option: x\n", "Unknown config option: x"),
        ("", ""),
    ],
)
def test_the_line_that_tells_why_pytest_failed_is_found(output: str, cause: str) -> None:
    """The line is neither the last one nor the first, but the one that pytest or its plugin writes as the error."""
    assert pytest_cause(output) == cause


def test_an_error_of_pytest_itself_is_not_a_failed_test() -> None:
    """The case that pytest writes for its own error is reported by the exception instead of its name."""
    case = '<testcase classname="pytest" name="internal"><error message="internal error">x</error></testcase>'
    report = TestReport.read(3, INTERNAL, f"<testsuites><testsuite>{case}</testsuite></testsuites>")
    assert (report.tests, report.failed) == (0, ())


@pytest.mark.parametrize(
    ("message", "text", "cause"),
    [
        (
            "collection failure",
            "tests/test_x.py:1: in <module>\n    import a\nE   ImportError: no a",
            "ImportError: no a",
        ),
        (
            "collection failure",
            'E     File "x.py", line 1\nE       def f(:\nE   SyntaxError: invalid syntax',
            "SyntaxError: invalid syntax",
        ),
        ("collection failure", "E   app.Missing: first\nE   second\nE     third", "app.Missing: first"),
        ("collection failure", "E   fixture 'x' not found\nE   available fixtures: y", "fixture 'x' not found"),
        (
            "collection failure",
            "'gpu' not found in `markers` configuration option",
            "'gpu' not found in `markers` configuration option",
        ),
        ('failed on setup with "OSError: no database&#10;host"', "def f():\nE   X", "OSError: no database&#10;host"),
        ('failed on setup with "OSError: no database\nhost"', "", "OSError: no database"),
        ('failed on teardown with "RuntimeError: still open"', "", "RuntimeError: still open"),
        (
            "",
            "worker 'gw0' crashed while running 'tests/unit/test_x.py::test_y'",
            "worker 'gw0' crashed while running 'tests/unit/test_x.py::test_y'",
        ),
        ("", "", ""),
        ("", "E   ValueError: " + "x" * 200, "ValueError: " + "x" * 107 + "…"),
    ],
)
def test_the_reason_of_a_test_that_did_not_run_is_found(message: str, text: str, cause: str) -> None:
    """The reason is one line of the JUnit element: the exception where pytest shows one."""
    assert error_cause(message, text) == cause


def test_a_module_that_cannot_be_collected_is_named_with_its_exception() -> None:
    """The error tells what is missing, without a look at the output."""
    error = "<error message='collection failure'>E   ModuleNotFoundError: No module named 'numpy'</error>"
    case = f'<testcase classname="" name="tests.unit.test_x">{error}</testcase>'
    report = TestReport.read(2, "", f"<testsuites><testsuite>{case}</testsuite></testsuites>")
    assert report.failed == ("tests.unit.test_x (ModuleNotFoundError: No module named 'numpy')",)


FLAKE8_TRACE = """Traceback (most recent call last):
  File "/venv/bin/flake8", line 8, in <module>
    sys.exit(main())
ValueError: invalid literal for int() with base 10: '110 # wide'
"""
CRITICAL = (
    "There was a critical error during execution of Flake8:\nrequired plugins were not installed!\n- expected: x\n"
)
ISORT_TRACE = """Traceback (most recent call last):
  File "/venv/bin/isort", line 8, in <module>
    sys.exit(main())
isort.exceptions.UnsupportedSettings: unsupported settings:

\t- profil = black  (source: 'pyproject.toml')

For a complete and up-to-date listing of supported settings see: the documentation.
"""
BLACK = "--- /work/a.py\t2026\n+++ /work/a.py\t2026\n@@ -1 +1 @@\n-x\n+error: y\n error: z\n"


@pytest.mark.parametrize(
    ("stdout", "stderr", "finding"),
    [
        ("", FLAKE8_TRACE, "ValueError: invalid literal for int() with base 10: '110 # wide'"),
        (CRITICAL, "", "required plugins were not installed!\n- expected: x"),
        (
            "",
            "usage: flake8 [options]\nflake8: error: unrecognized arguments: -x\n",
            "flake8: error: unrecognized arguments: -x",
        ),
        ("", "Usage: black [OPTIONS]\n\nError: Invalid value for '-l'\n", "Error: Invalid value for '-l'"),
        (
            BLACK,
            "error: cannot format b.py: Cannot parse\nerror: cannot format c.py: Cannot parse\n",
            "error: cannot format b.py: Cannot parse and 1 more",
        ),
        (
            "",
            ISORT_TRACE,
            "isort.exceptions.UnsupportedSettings: unsupported settings: - profil = black  (source: 'pyproject.toml')",
        ),
        (BLACK, "", "/work/a.py"),
        (
            "./a.py:1:1: E999 SyntaxError: invalid syntax\n./b.py:1:1: F401\n",
            "",
            "./a.py:1:1: E999 SyntaxError: invalid syntax and 1 more",
        ),
        ("", "", "ended with status 9"),
    ],
)
def test_the_error_of_a_linter_that_crashed_is_shown_before_its_findings(
    stdout: str, stderr: str, finding: str
) -> None:
    """A traceback is shown by its exception, and usage not at all; lines of a diff are no errors."""
    assert linter_finding(stdout, stderr, 9) == finding


@given(st.text(), st.text())
def test_any_output_gives_a_line(output: str, more: str) -> None:
    """No output of a tool ends in a traceback, and a linter always has a finding."""
    assert "\n" not in pytest_cause(output)
    assert linter_finding(output, more, 1)
