"""The descriptions that `--help` prints; `tests/unit/test_interface.py` has those of every function."""

import re
from functools import cache
from typing import Final

import pytest
from cli import REPOSITORY, dagger

FLAG: Final = re.compile(r"--([a-z][a-z0-9-]*)")
# A flag and its type at the beginning of a line, without a description behind them or, if long, on the next line.
UNDESCRIBED: Final = re.compile(r"^ {2,8}--\S+(?: \S+)?[ ]*$(?!\n {20,}\S)", re.MULTILINE)


@cache
def help_arguments(*function: str) -> list[str]:
    """Return the lines below ARGUMENTS in the help of a function, or of the constructor if none is given."""
    call = dagger(*function, "--help")
    assert call.status == 0, call.stderr
    return call.stdout.partition("ARGUMENTS")[2].partition("\n\n")[0].splitlines()


@pytest.mark.parametrize("function", ["stage", "train"])
def test_help_describes_every_flag_of_a_function(function: str) -> None:
    """`dagger call FUNCTION --help` describes each flag of the function."""
    lines = help_arguments(function)
    assert lines
    assert UNDESCRIBED.findall("\n".join(lines)) == []


def test_help_describes_every_flag_of_the_constructor() -> None:
    """`dagger call --help` describes each flag of the constructor."""
    text = "\n".join(help_arguments())
    assert len(FLAG.findall(text)) >= 18
    assert UNDESCRIBED.findall(text) == []


def test_the_workflow_uses_existing_flags() -> None:
    """The constructor has the flags before `stage` in .github/workflows/stage.yaml, and `stage` those after it."""
    workflow = (REPOSITORY / ".github" / "workflows" / "stage.yaml").read_text()
    (line,) = [line for line in workflow.splitlines() if "dagger call" in line]
    config, _, flags = line.partition("dagger call")[2].partition(" stage ")
    assert FLAG.findall(config)
    assert set(FLAG.findall(config)) <= set(FLAG.findall("\n".join(help_arguments())))
    assert set(FLAG.findall(flags)) <= set(FLAG.findall("\n".join(help_arguments("stage"))))
