""".github/summarize: what a step of a workflow adds to its summary, prints, and ends with."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

SUMMARIZE: Final = Path(__file__).resolve().parents[3] / ".github" / "summarize"
PROGRESS: Final = """1   : connect
1   : connect DONE [0.0s]

12  : StageCi.stage(format: "text"): String!
12  : [1.9s] | First failure, the other steps go on: lint: black: /work/src/untidy.py
"""
# As the CLI prints errors, with the ids of their spans: https://github.com/dagger/dagger/blob/v0.19.10/cmd/dagger/main.go
ERROR: Final = """
Error: FunctionError: lint: black: /work/src/untidy.py; run `dagger call format` [traceparent:0af7651916cd43dd-b7ad6b71]
test: 1 of 2 tests failed: *tests.unit.test_a* [traceparent:0af7651916cd43dd-00f067aa]
"""


@dataclass(frozen=True)
class Step:
    """How a step ended.

    Attributes:
        status: Exit status.
        stdout: Standard output.
        stderr: Standard error.
        summary: The step's summary.
    """

    status: int
    stdout: str
    stderr: str
    summary: str


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a step: its summary, and a folder on the PATH for the fake `dagger`."""
    (tmp_path / "summary").touch()
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}


def fake_dagger(folder: Path, script: str) -> None:
    """Write a `dagger` that runs a script."""
    (folder / "dagger").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "dagger").chmod(0o755)


def run_step(environment: dict[str, str], stdout: str = "", stderr: str = "", status: int = 0) -> Step:
    """Run a step whose `dagger` prints two texts and ends with a status."""
    folder = Path(environment["GITHUB_STEP_SUMMARY"]).parent
    (folder / "stdout").write_text(stdout)
    (folder / "stderr").write_text(stderr)
    fake_dagger(folder, f"cat {folder}/stdout; cat {folder}/stderr >&2; exit {status}")
    return run_command(environment, "dagger", "call", "stage")


def run_command(environment: dict[str, str], *words: str) -> Step:
    """Run a command as a step, as GitHub does without `shell:`, where a pipe hides a failure."""
    done = subprocess.run(
        ["bash", "-e", "-c", '"$@"', "step", str(SUMMARIZE), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Step(done.returncode, done.stdout, done.stderr, Path(environment["GITHUB_STEP_SUMMARY"]).read_text())


def test_a_green_step_has_its_output_as_summary(environment: dict[str, str]) -> None:
    """A step that succeeds adds standard output to the summary, and nothing of standard error."""
    step = run_step(environment, stdout="Released: owner/app:v1.0.1\n", stderr=PROGRESS + "Error: none\n")
    assert step == Step(0, "Released: owner/app:v1.0.1\n", PROGRESS + "Error: none\n", "Released: owner/app:v1.0.1\n")


def test_a_red_step_has_every_reason_in_its_summary(environment: dict[str, str]) -> None:
    """A step that fails has a line for each failed step in its summary, as code, and its whole log and its status."""
    step = run_step(environment, stderr=PROGRESS + ERROR, status=1)
    assert step.summary == (
        "\n"
        "    Error: FunctionError: lint: black: /work/src/untidy.py; run `dagger call format`\n"
        "    test: 1 of 2 tests failed: *tests.unit.test_a*\n"
    )
    assert (step.status, step.stdout, step.stderr) == (1, "", PROGRESS + ERROR)


def test_reasons_are_a_paragraph_of_their_own(environment: dict[str, str]) -> None:
    """An empty line stands before the reasons, because Markdown's indented code cannot interrupt a paragraph."""
    step = run_step(
        environment, stdout="half a line", stderr="Error: unknown flag: --imge\nRun 'dagger --help'\n", status=1
    )
    assert step.summary == "half a line\n    Error: unknown flag: --imge\n    Run 'dagger --help'\n"


def test_what_the_step_wrote_before_stays(environment: dict[str, str]) -> None:
    """The summary is extended: what another command of the step wrote there stays."""
    Path(environment["GITHUB_STEP_SUMMARY"]).write_text("before\n")
    assert run_step(environment, stdout="after\n").summary == "before\nafter\n"
    assert run_step(environment, stderr="Error: why\n", status=1).summary == "before\nafter\n\n    Error: why\n"


def test_a_failed_check_has_the_errors_of_its_steps(environment: dict[str, str]) -> None:
    """`dagger check` ends without an error, so the summary has each error that the progress marks, without colours."""
    progress = (
        "\x1b[95m8   : \x1b[0mlint\x1b[31m ERROR\x1b[0m\x1b[90m [2.1s]\x1b[0m\n"
        "\x1b[95m8   : \x1b[0m\x1b[33m! FunctionError: lint: black: /work/a.py\x1b[0m\n"
        "\x1b[95m9   : \x1b[0m┆ ┆ StageCi.lint\x1b[31m ERROR\x1b[0m\n"
        "\x1b[95m9   : \x1b[0m┆ ┆ \x1b[33m! FunctionError: lint: black: /work/a.py\x1b[0m\n"
        "\x1b[95m10  : \x1b[0m[0.2s] | wow! nothing here\n"
        "\x1b[95m10  : \x1b[0m\x1b[33m! FunctionError: test: 1 of 2 tests failed\x1b[0m\n"
    )
    step = run_step(environment, stderr=progress, status=1)
    assert (
        step.summary == "\n    FunctionError: lint: black: /work/a.py\n    FunctionError: test: 1 of 2 tests failed\n"
    )
    assert (step.status, step.stderr) == (1, progress)


def test_a_failure_without_an_error_leaves_the_end_of_its_log(environment: dict[str, str]) -> None:
    """If the command is killed before it prints an error, the summary has the last ten lines of the log."""
    lines = [f"{number}   : step {number}\n" for number in range(12)]
    step = run_step(environment, stderr="".join(lines), status=137)
    assert step.summary == "\n" + "".join(f"    {line}" for line in lines[2:])
    assert step.status == 137


def test_a_command_that_is_not_installed_is_a_reason(environment: dict[str, str]) -> None:
    """If there is no such command, the shell's message is in the summary."""
    step = run_command(environment, "dagger-of-nobody", "call", "stage")
    assert step.status == 127
    assert "dagger-of-nobody: command not found" in step.summary


def test_a_failure_that_prints_nothing_is_a_red_step(environment: dict[str, str]) -> None:
    """A command that fails without a word fails its step."""
    assert run_step(environment, status=2).status == 2


def test_arguments_arrive_as_they_are(environment: dict[str, str], tmp_path: Path) -> None:
    """Arguments with blanks, quotes and patterns reach the command unchanged."""
    fake_dagger(tmp_path, 'printf "<%s>\\n" "$@"')
    step = run_command(environment, "dagger", "call", "--source-revision=0a1b 2026-01-02", "it's", "*", "")
    assert step.stdout == "<call>\n<--source-revision=0a1b 2026-01-02>\n<it's>\n<*>\n<>\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_the_log_is_live(environment: dict[str, str], tmp_path: Path, stream: str) -> None:
    """A line that the command prints is in the log while the command still runs."""
    redirection = " >&2" if stream == "stderr" else ""
    fake_dagger(tmp_path, f"echo begun{redirection}; read -r _; echo ended{redirection}")
    with subprocess.Popen(
        [SUMMARIZE, "dagger"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        log = getattr(process, stream)
        assert log.readline() == "begun\n"
        process.stdin.write("\n")
        process.stdin.close()
        assert log.readline() == "ended\n"
    assert process.returncode == 0
