"""The excerpt of a failed build's output."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.build_failure import error_excerpt, last_line

PIP = """Collecting fastapi==0.1
ERROR: Could not find a version that satisfies the requirement no-such-package (from versions: none)
ERROR: No matching distribution found for no-such-package

[notice] A new release of pip is available
"""
PIP_OFFLINE = """WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'
ERROR: Could not find a version that satisfies the requirement fastapi (from versions: none)
ERROR: No matching distribution found for fastapi
"""
UV = """Using Python 3.11.2 environment at: /usr
  x No solution found when resolving dependencies:
  ╰─▶ Because no-such-package was not found in the package registry and you
      require no-such-package, we can conclude that your requirements are
      unsatisfiable.
"""
UV_OFFLINE = """Using Python 3.11.7 environment at: /venv
error: Failed to fetch: https://index.example/fastapi/
  cause: error sending request for url (https://index.example/fastapi/)
  cause: Connection refused (os error 111)
"""
UV_INCLUDED = """error: Error parsing included file in `requirements.dev` at position 0
  Caused by: failed to read from file `/requirements/nowhere`: No such file or directory (os error 2)
"""
APT = """Reading package lists...
Building dependency tree...
E: Unable to locate package no-such-package
"""
PARSER = "dockerfile parse error on line 3: unknown instruction: RUNN (did you mean RUN?)"
CHECKSUM = 'failed to calculate checksum of ref a::b: "/requirements": not found'


@pytest.mark.fault(33)
@pytest.mark.parametrize(
    ("command", "output", "excerpt"),
    [
        ("pip install no-such-package", PIP, "No matching distribution found for no-such-package"),
        ("pip install fastapi", PIP_OFFLINE, "No matching distribution found for fastapi"),
        ("uv pip install", UV, "Because no-such-package was not found in the package registry and you"),
        (
            "uv pip install",
            UV_OFFLINE,
            "Failed to fetch: https://index.example/fastapi/: Connection refused (os error 111)",
        ),
        ("uv pip install", UV_INCLUDED, "at position 0: failed to read from file `/requirements/nowhere`"),
        ("apt-get install no-such-package", APT, "E: Unable to locate package no-such-package"),
        ("python setup.py", "Traceback\n  File\nValueError: no version\n", "ValueError: no version"),
        ("make", "gcc: error: x.c: No such file\nmake: stopped\n", "gcc: error: x.c: No such file"),
        ("sh run.sh", "one\ntwo\n\n", "two"),
    ],
)
def test_a_failed_command_is_named_with_its_error(command: str, output: str, excerpt: str) -> None:
    """The excerpt contains the command and the line of its output that names the error."""
    result = error_excerpt("process did not complete successfully: exit code: 1", command, output)
    assert result.startswith(f"`{command}`: ")
    assert excerpt in result


@pytest.mark.fault(33)
@pytest.mark.parametrize("message", [PARSER, CHECKSUM])
@pytest.mark.parametrize("more", ["", "\n[traceparent:00-ab-cd-01]\n"])
def test_the_error_in_a_dockerfile_is_taken_from_the_engine_s_message(message: str, more: str) -> None:
    """If no command ran, the excerpt is the line of the engine's message that names the error."""
    assert message in error_excerpt(f"failed to solve:\n{message}{more}", "", "")


@pytest.mark.fault(33)
@pytest.mark.parametrize("shell", ["", "/bin/sh -c "])
def test_an_instruction_that_failed_is_named_with_its_status(shell: str) -> None:
    """The excerpt names the RUN instruction and its exit status, and refers to the output above."""
    ran = f'process "{shell}pip install no-such-package" did not complete successfully: exit code: 1'
    result = error_excerpt(f"failed to solve: {ran}", "", "")
    assert result == "RUN pip install no-such-package exited with status 1; see its output above"


def test_the_engine_s_message_replaces_missing_output() -> None:
    """If the command wrote nothing, the excerpt contains the engine's message."""
    assert error_excerpt("exit code: 137", "make", "\n \n") == "`make`: exit code: 137"


def test_a_missing_reason_is_reported_as_missing() -> None:
    """If there is neither a message nor output, the excerpt is a sentence instead of an empty text."""
    assert error_excerpt("", "", "") == "the engine gave no reason"


def test_a_long_command_is_shortened() -> None:
    """A command of hundreds of characters is cut, so that the excerpt still contains the error."""
    result = error_excerpt("", "apt-get install " + "package " * 100, "E: Unable to locate package x")
    assert "…`: E: Unable to locate package x" in result


@given(st.text(), st.text(), st.text())
def test_an_excerpt_is_short_and_not_blank(message: str, command: str, output: str) -> None:
    """Any message and output yield an excerpt that is not blank and has at most 300 characters."""
    result = error_excerpt(message, command, output)
    assert result.strip()
    assert len(result) <= 300


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), ("\n \n", ""), ("one", "one"), ("one\n  two \n\n", "two"), ("a\r\nb\r\n", "b")]
)
def test_the_last_line_is_the_last_one_that_is_not_blank(text: str, line: str) -> None:
    """`last_line` skips blank lines at the end and strips the line that it returns."""
    assert last_line(text) == line
