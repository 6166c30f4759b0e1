"""The line of a failed build that tells a person what to mend."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.build_failure import build_cause, last_line

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
    ("command", "output", "told"),
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
def test_a_failed_command_is_named_with_its_reason(command: str, output: str, told: str) -> None:
    """The package that does not exist or cannot be had, in pip's, uv's and apt's words."""
    cause = build_cause("process did not complete successfully: exit code: 1", command, output)
    assert cause.startswith(f"`{command}`: ")
    assert told in cause


@pytest.mark.fault(33)
@pytest.mark.parametrize("message", [PARSER, CHECKSUM])
@pytest.mark.parametrize("more", ["", "\n[traceparent:00-ab-cd-01]\n"])
def test_a_malformed_dockerfile_is_told_by_its_line(message: str, more: str) -> None:
    """Nothing ran, so the engine's message holds the reason, on whichever of its lines."""
    assert message in build_cause(f"failed to solve:\n{message}{more}", "", "")


@pytest.mark.fault(33)
@pytest.mark.parametrize("shell", ["", "/bin/sh -c "])
def test_an_instruction_that_failed_is_named_with_its_status(shell: str) -> None:
    """BuildKit's message holds the instruction, not what it wrote."""
    ran = f'process "{shell}pip install no-such-package" did not complete successfully: exit code: 1'
    cause = build_cause(f"failed to solve: {ran}", "", "")
    assert cause.startswith("RUN pip install no-such-package ended with 1")


def test_a_command_that_said_nothing_is_told_by_the_engine() -> None:
    """An exit status is better than nothing."""
    assert build_cause("exit code: 137", "make", "\n \n") == "`make`: exit code: 137"


def test_no_reason_at_all_is_said_to_be_none() -> None:
    """A sentence, not an empty error."""
    assert build_cause("", "", "") == "the engine gave no reason"


def test_a_long_command_does_not_hide_its_reason() -> None:
    """A RUN line of a screenful is cut."""
    cause = build_cause("", "apt-get install " + "package " * 100, "E: Unable to locate package x")
    assert "…`: E: Unable to locate package x" in cause


@given(st.text(), st.text(), st.text())
def test_a_cause_is_one_line_of_bounded_length(message: str, command: str, output: str) -> None:
    """Whatever an engine or a command writes; the error's own text joins what is left of line breaks."""
    cause = build_cause(message, command, output)
    assert cause.strip()
    assert len(cause) <= 300


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), ("\n \n", ""), ("one", "one"), ("one\n  two \n\n", "two"), ("a\r\nb\r\n", "b")]
)
def test_the_last_line_is_the_last_that_holds_anything(text: str, line: str) -> None:
    """Without the space around it."""
    assert last_line(text) == line
