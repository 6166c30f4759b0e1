"""The pipeline's errors: their tree, their text, and their rows in docs/errors.md."""

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
    """Return the parent of each class in the tree that the module's docstring draws."""
    parents: dict[str, str] = {}
    above: dict[int, str] = {-1: "Exception"}
    for branch in BRANCH.finditer(errors.__doc__ or ""):
        depth = len(branch["indent"]) // 4
        parents[branch["name"]] = above[depth - 1]
        above[depth] = branch["name"]
    return parents


@cache
def raised() -> set[str]:
    """Return the names that the package's code calls, which include every error that it raises."""
    trees = [ast.parse(path.read_text()) for path in (CI / "src/stage_ci").rglob("*.py")]
    calls = [node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.id for call in calls if isinstance(call, ast.Name)}


def documented() -> set[str]:
    """Return the errors that have a row in docs/errors.md."""
    text = (CI.parent / "docs/errors.md").read_text()
    return {row["name"] for row in ROW.finditer(text)}


def test_the_docstring_draws_the_tree() -> None:
    """The tree in the docstring of errors/ lists every class under its parent."""
    assert drawn() == {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", CAUSES)
def test_an_error_has_step_cause_and_remedy_in_one_line(kind: type[StageError]) -> None:
    """An error's text is step, cause and remedy in one line, even if the cause has line breaks."""
    error = kind("first line\n\tsecond line\r\n")
    assert str(error) == f"{kind.step}: first line second line; {kind.remedy}"
    assert re.fullmatch(r"[a-z]+", kind.step)
    assert kind.remedy
    assert kind.remedy == " ".join(kind.remedy.split()).removesuffix(".")


@given(st.text())
def test_any_cause_fits_in_one_line(cause: str) -> None:
    """The text of an error is one line for any cause, also an empty one or one with Unicode line separators."""
    assert len(str(StageError(cause)).splitlines()) == 1


def test_an_error_can_replace_step_and_remedy() -> None:
    """A step and a remedy given to one error leave those of its class unchanged."""
    error = errors.NothingToCheck("no file", step="lint", remedy="give one")
    assert str(error) == "lint: no file; give one"
    assert (error.step, error.remedy) != (errors.NothingToCheck.step, errors.NothingToCheck.remedy)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_has_a_docstring_of_its_own(kind: type[StageError]) -> None:
    """Each error class has a docstring that no other class has."""
    assert kind.__doc__
    assert [other for other in CLASSES if other.__doc__ == kind.__doc__] == [kind]


@pytest.mark.parametrize("name", LEAVES)
def test_an_error_is_raised_somewhere(name: str) -> None:
    """The package's code raises each error class that has no subclass."""
    assert name in raised()


@pytest.mark.parametrize("name", LEAVES)
def test_an_error_is_documented(name: str) -> None:
    """Each error class that has no subclass has a row in docs/errors.md."""
    assert name in documented()


def test_the_documentation_names_no_other_error() -> None:
    """docs/errors.md has no row for an error that does not exist, such as one that was renamed."""
    assert documented() - {kind.__name__ for kind in CLASSES} == set()
