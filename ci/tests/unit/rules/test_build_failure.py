"""The excerpt of a failed build's output."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.build_failure import error_excerpt, install_remedy

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
UV_CONFLICT = """error: No solution found when resolving dependencies
  cause: Because all versions of a depend on b>=5 and you require a, we can conclude that you require b>=5.
         And because you require b==1.0, we can conclude that your requirements are unsatisfiable.
"""
UV_REFUSED = """error: No solution found when resolving dependencies
  cause: Because a was not found in the package registry and you require a, your requirements are unsatisfiable.

hint: An index URL (https://index.example/) could not be queried due to a lack of valid authentication credentials
"""
UV_GIT = """error: Failed to download and build `x @ git+https://ann:pw@git.example/x.git`
  cause: Git operation failed
  cause: process didn't exit successfully: `git fetch 'https://ann:pw@git.example/x.git'` (exit status: 128)
         --- stderr
         fatal: repository 'https://ann:pw@git.example/x.git/' not found
"""
UV_RETRIED = """error: Request failed after 3 retries in 5.5s
  cause: Failed to fetch: https://index.example/a/
  cause: client error (Connect)
  cause: Connection refused (os error 111)
"""
UV_BUILD = """  \N{MULTIPLICATION SIGN} Failed to build `x==1`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `setuptools.build_meta.build_wheel` failed (exit
      status: 1)

      [stderr]
      Traceback (most recent call last):
        File "<string>", line 14, in <module>
      ModuleNotFoundError: No module named 'pkg_resources'

      hint: This usually indicates a problem with the package.
"""
UV_HEADER = UV_BUILD.replace(
    "ModuleNotFoundError: No module named 'pkg_resources'",
    "x.c:1:10: fatal error: Python.h: No such file or directory\n      error: command 'gcc' failed with exit code 1",
)
UV_EXCEPTION = UV_BUILD.replace("ModuleNotFoundError: No module", "Exception: Can not find valid pkg-config")
UV_SILENT = UV_BUILD.replace("ModuleNotFoundError: No module named 'pkg_resources'", "no compiler found")
APT_OFFLINE = """W: Failed to fetch http://deb.example/dists/trixie/InRelease  Temporary failure resolving 'deb.example'
W: Some index files failed to download. They have been ignored, or old ones used instead.
E: Unable to locate package git
"""
DPKG = """Setting up x (1.0) ...
dpkg: error processing package x (--configure):
 installed x package post-installation script subprocess returned error exit status 1
E: Sub-process /usr/bin/dpkg returned an error code (1)
"""
UV_HASH = """error: Failed to download `a==1.0`
  cause: Hash mismatch for `a==1.0`

         Expected:
           sha256:00
"""
PIP_BUILD = """  error: subprocess-exited-with-error

  \N{MULTIPLICATION SIGN} Building wheel for x (pyproject.toml) did not run successfully.
  │ exit code: 1
  ╰─> [2 lines of output]
      running build
      error: command 'gcc' failed: No such file or directory
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
ERROR: Failed building wheel for x
"""
PIP_CONFLICT = """ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.

The conflict is caused by:
    a 1 depends on c<2
ERROR: ResolutionImpossible: for help visit https://pip.example/
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
        ("uv pip install", UV, "and you require no-such-package, we can conclude that your requirements are unsatisfi"),
        (
            "uv pip install",
            UV_CONFLICT,
            "we can conclude that you require b>=5. And because you require b==1.0, we can conclude that",
        ),
        ("uv pip install", UV_REFUSED, "could not be queried due to a lack of valid authentication credentials"),
        ("uv pip install", UV_GIT, "fatal: repository 'https://***@git.example/x.git/' not found"),
        (
            "uv pip install",
            UV_RETRIED,
            "Request failed after 3 retries in 5.5s: Failed to fetch: https://index.example/a/: Connection refused",
        ),
        ("uv pip install", UV_BUILD, "Failed to build `x==1`: ModuleNotFoundError: No module named 'pkg_resources'"),
        ("uv pip install", UV_HASH, "Failed to download `a==1.0`: Hash mismatch for `a==1.0`"),
        ("uv pip install", UV_HEADER, "x.c:1:10: fatal error: Python.h: No such file or directory"),
        ("uv pip install", UV_EXCEPTION, "Exception: Can not find valid pkg-config"),
        ("uv pip install", UV_SILENT, "Failed to build `x==1`: no compiler found"),
        ("pip install x", PIP_BUILD, "error: command 'gcc' failed: No such file or directory"),
        ("pip install a b", PIP_CONFLICT, "ERROR: Cannot install a==1 and b==2 because these"),
        ("apt-get install no-such-package", APT, "E: Unable to locate package no-such-package"),
        ("apt-get install git", APT_OFFLINE, "W: Failed to fetch http://deb.example/dists/trixie/InRelease"),
        ("apt-get install x", DPKG, "dpkg: error processing package x (--configure):"),
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


@pytest.mark.fault(33)
def test_an_instruction_that_failed_is_named_with_the_reason_if_the_engine_has_it() -> None:
    """Newer engines give the output of an instruction with the error."""
    ran = 'process "/bin/sh -c apt-get install no-such-package" did not complete successfully: exit code: 100'
    result = error_excerpt(f"failed to solve: {ran}", "", APT)
    assert (
        result
        == "RUN apt-get install no-such-package exited with status 100: E: Unable to locate package no-such-package"
    )


@pytest.mark.parametrize(
    "message",
    [
        "pull access denied, repository does not exist or may require authorization",
        "write /var/lib/x: no space left on device",
    ],
)
def test_the_trace_behind_the_engine_s_message_is_left_out(message: str) -> None:
    """The engine ends a message with the identifier of a trace, which is not the reason."""
    assert error_excerpt(f"{message}\n[traceparent:00-ab-cd-01]", "", "") == message
    assert (
        error_excerpt(f"unforeseen {message[:9]}\n\n[traceparent:00-ab-cd-01]\n", "", "") == f"unforeseen {message[:9]}"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ann:canary@host/simple", "https://***@host/simple"),
        ("git+https://canary@host/x.git", "git+https://***@host/x.git"),
        ("https://ann:can@canary@host/x", "https://***@host/x"),
        ("'https://host/x.whl?sig=canary&e=1'", "'https://host/x.whl?***'"),
        ("(https://host/x.whl?sig=canary)", "(https://host/x.whl?***)"),
        ("(https://host/x.whl?sig=(can)ary)", "(https://host/x.whl?***)"),
        ("https://host/simple/?key=canary https://a@b/?c", "https://host/simple/?*** https://***@b/?***"),
        ("https://host/simple/? ./a?b", "https://host/simple/? ./a?b"),
        ("https://host/@team/x ./a@b ann@host", "https://host/@team/x ./a@b ann@host"),
    ],
)
def test_credentials_in_urls_are_not_shown(text: str, shown: str) -> None:
    """User, password and query are left out of commands, instructions, outputs and messages."""
    assert error_excerpt("", "", f"error: no {text}") == f"error: no {shown}"
    assert error_excerpt(f"no {text}", f"pip {text}", "") == f"`pip {shown}`: no {shown}"
    ran = f'process "pip {text}" did not complete successfully: exit code: 1'
    assert error_excerpt(ran, "", "") == f"RUN pip {shown} exited with status 1; see its output above"


INSTALL = ("uv", "pip", "install", "--requirement", "requirements", "--requirement", "requirements.dev")


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        (UV, "correct requirements or requirements.dev"),
        (UV_CONFLICT, "correct requirements or requirements.dev"),
        (UV_BUILD, "correct requirements or requirements.dev"),
        (UV_HASH, "correct requirements or requirements.dev"),
        (UV_GIT, "correct requirements or requirements.dev"),
        ("error: `/x` does not appear to be a Python project\n", "correct requirements or requirements.dev"),
        ("error: Expected `--hash`, found `x`: requirements:1:3\n", "correct requirements or requirements.dev"),
        (UV_REFUSED, "check the credentials in the URLs of requirements or requirements.dev"),
        (UV_OFFLINE, None),
        (UV_RETRIED, None),
        ("uv: Killed\n", None),
        ("", None),
    ],
)
def test_only_what_may_end_otherwise_is_run_again(output: str, remedy: str | None) -> None:
    """A file that cannot be resolved needs a correction; without a remedy of its own, the error says to run again."""
    assert install_remedy(INSTALL, output) == remedy


def test_a_file_of_the_pipeline_is_not_to_be_corrected() -> None:
    """The user can change neither the linters that the pipeline installs nor another command."""
    assert install_remedy(("uv", "pip", "install", "--requirement", "/locks/linters"), UV) is None
    assert install_remedy(("apt-get", "install", "git"), APT) is None


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


@pytest.mark.parametrize("part", ['process "', "[traceparent:", "https://", "[stderr]\n"])
def test_a_long_output_takes_time_linear_in_its_length(part: str) -> None:
    """A long repetition of what begins a pattern is read at once."""
    text = part * (200_000 // len(part))
    start = time.perf_counter()
    assert len(error_excerpt(text, "", "")) <= 300
    assert len(error_excerpt("", "", text)) <= 300
    assert time.perf_counter() - start < 2
