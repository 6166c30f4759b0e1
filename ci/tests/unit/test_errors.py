"""Every way the pipeline says no, in the code and in the documentation."""

import ast
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci import errors
from stage_ci.errors import StageError

CI: Final = Path(__file__).resolve().parents[2]
CLASSES: Final = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
BASES: Final = {base for kind in CLASSES for base in kind.__bases__}
# MultipleFailures carries other errors; each of them has its own step, cause and remedy.
CAUSES: Final = [kind for kind in CLASSES if kind is not errors.MultipleFailures]
LEAVES: Final = sorted(kind.__name__ for kind in CLASSES if kind not in BASES)
BRANCH: Final = re.compile(r"^ {4}(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)", re.MULTILINE)
ROW: Final = re.compile(r"^\| (?P<name>[A-Z]\w+) \|.*\|$", re.MULTILINE)


def drawn() -> dict[str, str]:
    """Return the tree that the module's docstring draws: each class and the one it hangs on."""
    parents: dict[str, str] = {}
    above: dict[int, str] = {-1: "Exception"}
    for branch in BRANCH.finditer(errors.__doc__ or ""):
        depth = len(branch["indent"]) // 4
        parents[branch["name"]] = above[depth - 1]
        above[depth] = branch["name"]
    return parents


@cache
def raised() -> set[str]:
    """Return the classes that the module's code makes an error of."""
    trees = [ast.parse(path.read_text()) for path in (CI / "src/stage_ci").rglob("*.py")]
    calls = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.id for call in calls if isinstance(call, ast.Name)}


def documented() -> set[str]:
    """Return the errors that have a row in docs/errors.md."""
    text = (CI.parent / "docs/errors.md").read_text()
    return {row["name"] for row in ROW.finditer(text)}


def test_the_tree_is_the_one_that_is_drawn() -> None:
    """A reader of the first page knows every class and what it hangs on."""
    assert drawn() == {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", CAUSES)
def test_an_error_says_step_cause_and_remedy_in_one_line(kind: type[StageError]) -> None:
    """Whatever line breaks the cause came with."""
    error = kind("first line\n\tsecond line\r\n")
    assert str(error) == f"{kind.step}: first line second line; {kind.remedy}"
    assert re.fullmatch(r"[a-z]+", kind.step)
    assert kind.remedy
    assert kind.remedy == " ".join(kind.remedy.split()).removesuffix(".")


@given(st.text())
def test_any_cause_is_told_in_one_line(cause: str) -> None:
    """Neither an unusual separator nor an empty cause breaks it."""
    assert len(str(StageError(cause)).splitlines()) == 1


def test_an_error_may_bring_its_own_step_and_remedy() -> None:
    """They replace the class's own, for this error only."""
    error = errors.NothingToCheck("no file", step="lint", remedy="give one")
    assert str(error) == "lint: no file; give one"
    assert (error.step, error.remedy) != (errors.NothingToCheck.step, errors.NothingToCheck.remedy)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_has_a_docstring_of_its_own(kind: type[StageError]) -> None:
    """One sentence that tells it from its neighbours."""
    assert kind.__doc__
    assert [other for other in CLASSES if other.__doc__ == kind.__doc__] == [kind]


@pytest.mark.parametrize("name", LEAVES)
def test_an_error_is_raised_somewhere(name: str) -> None:
    """A cause that no code tells is none."""
    assert name in raised()


@pytest.mark.parametrize("name", LEAVES)
def test_an_error_is_documented(name: str) -> None:
    """docs/errors.md says when it comes and what to do."""
    assert name in documented()


def test_the_documentation_names_no_other_error() -> None:
    """Nor one that was renamed since."""
    assert documented() - {kind.__name__ for kind in CLASSES} == set()
