"""The line in the output of pytest or of a linter that tells why it failed."""

import re
from typing import Final

from stage_ci.rules.one_line import last_line, shorten

# What pytest and its plugins write: https://docs.pytest.org/en/stable/reference/exit-codes.html names the kinds, the
# texts are those of _pytest/main.py, _pytest/config, pytest-cov's plugin.py, xdist's dsession.py, pytest-timeout and
# faulthandler.
_INTERNAL: Final = re.compile(r"^INTERNALERROR> *(\S.*)$", re.MULTILINE)
_CONFTEST: Final = re.compile(r"^(ImportError while loading conftest '[^']*')\.?$", re.MULTILINE)
_RAISED: Final = re.compile(r"^E {3}(\S.*)$", re.MULTILINE)
_PYTEST: Final = (
    # argparse's, and what configuration and arguments lead to; the usage that pytest prints before says nothing.
    re.compile(r"^\w[\w./ -]*: error: (.*)$", re.MULTILINE),
    re.compile(r"^(?:ERROR: |FAIL )(Required test coverage.*)$", re.MULTILINE),
    re.compile(r"^ERROR: (?!usage: )(.*)$", re.MULTILINE),
    re.compile(r"^(.*Fatal Python error: .*)$", re.MULTILINE),
    re.compile(r"^[!+]+ (?:_pytest\.outcomes\.|xdist\.dsession\.)?(.*?) [!+]+$", re.MULTILINE),
)
# The line of a module whose tests are running, which ends with a character for each of them; with -v, that of a test.
_RUNNING: Final = re.compile(r"^(\S+\.py(?:::\S.*?)?)(?: [.FEsxX]*)?(?: +\[ *\d+%\])?$")
# With -q, there are only the characters.
_RUNNING_QUIETLY: Final = re.compile(r"^[.FEsxX]+(?: +\[ *\d+%\])?$")
_SETUP: Final = re.compile(r'failed on (?:setup|teardown) with "(.*)"', re.DOTALL)
_LIMIT: Final = 120  # characters of one test's error

_TRACEBACK: Final = "Traceback (most recent call last):"
# The last line of a traceback, behind the indented ones.
_EXCEPTION: Final = re.compile(
    r"^((?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*: .*|[A-Z]\w*(?:Error|Exception|Exit|Interrupt)))$", re.MULTILINE
)

_LINTER: Final = (
    re.compile(r"^There was a critical error during execution of Flake8:\n(.*(?:\n- .*)*)$", re.MULTILINE),
    # black's and isort's own errors, and those of a command line; a line of a diff begins otherwise.
    re.compile(r"^((?:\w[\w./ -]*: )?[Ee]rror: .*)$", re.MULTILINE),
)


def pytest_cause(output: str) -> str:
    """Return the line of pytest's output that tells why the run itself failed; its last line if there is none."""
    if internal := _INTERNAL.findall(output):
        return _exception("\n".join(internal)) or internal[-1]
    if conftest := _CONFTEST.search(output):
        raised = _raised(output[conftest.end() :])
        return f"{conftest[1]}: {raised}" if raised else conftest[1]
    # Of equal kinds the last one, because a test may have printed the others.
    found = next((matches[-1] for pattern in _PYTEST if (matches := pattern.findall(output))), "")
    return _completed(found, output) or _traceback(output) or _last_sign(last_line(output))


def _last_sign(line: str) -> str:
    """Return what the last line of an output tells about a run that ended without a reason."""
    if running := _RUNNING.match(line):
        return f"Python ended while it ran {running[1]}"
    return "Python ended while it ran the tests" if _RUNNING_QUIETLY.match(line) else line


def error_cause(message: str, text: str) -> str:
    """Return why a module cannot be collected, or a test not be set up; empty if the error does not say.

    Args:
        message: The message of the error in the JUnit file.
        text: Its text.
    """
    setup = _SETUP.fullmatch(message)
    cause = setup[1].strip().partition("\n")[0] if setup else _raised(text) or _exception(text) or last_line(text)
    return shorten(cause, _LIMIT)


def linter_finding(stdout: str, stderr: str, status: int) -> str:
    """Return the error of a linter that crashed, or else the first place of its findings and the number of the others.

    A place is a file of a diff or a line of flake8.
    """
    output = f"{stdout}\n{stderr}"
    crashes = [found for pattern in _LINTER for found in pattern.findall(output)] or [_traceback(output)]
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    places = [
        line.removeprefix("--- ").split("\t")[0].removesuffix(":before") for line in lines if line.startswith("--- ")
    ]
    shown = list(filter(None, crashes)) or places or lines or [f"ended with status {status}"]
    rest = len(shown) - 1
    return shown[0] + (f" and {rest} more" if rest else "")


def _traceback(output: str) -> str:
    """Return the exception of the last traceback in an output; empty if there is none."""
    return _exception(output.rpartition(_TRACEBACK)[2]) if f"\n{_TRACEBACK}" in f"\n{output}" else ""


def _raised(text: str) -> str:
    """Return the exception in the lines that pytest marks with an E; the first of these lines if none is one."""
    raised = _RAISED.findall(text)
    return _exception("\n".join(raised)) or (raised[0] if raised else "")


def _exception(text: str) -> str:
    found = _EXCEPTION.findall(text)
    return _completed(found[-1], text) if found else ""


def _completed(line: str, text: str) -> str:
    """Return a line of a text, with the line that follows it if it ends with a colon."""
    rest = text.rpartition(line)[2] if line.endswith(":") else ""
    following = next(filter(None, map(str.strip, rest.splitlines())), "")
    return f"{line} {following}".strip()
