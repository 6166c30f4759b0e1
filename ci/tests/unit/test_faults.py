"""The table of the forty faults in docs/errors.md, and the tests that carry their numbers: one set of facts."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from tests.faults_report import Fault, faults

from stage_ci import errors

CI: Final = Path(__file__).resolve().parents[2]
FAULTS: Final = list(faults())


@cache
def carried(tests: str) -> set[int]:
    """Return the numbers in the markers of all tests in a folder of ci/tests."""
    trees = [ast.parse(path.read_text()) for path in (CI / "tests" / tests).rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.fault"]
    return {ast.literal_eval(number) for mark in marks for number in mark.args}


@cache
def told() -> set[str]:
    """Return every text of the package's code, with `…` for each part that is put in when it runs."""
    return {text for path in (CI / "src/stage_ci").rglob("*.py") for text in texts(ast.parse(path.read_text()))}


def texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts that are written below a node, docstrings excepted."""
    match node:
        case ast.JoinedStr(parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.Constant(str(text)):
            yield text
        case ast.Expr(ast.Constant()):
            return
    for child in ast.iter_child_nodes(node):
        yield from texts(child)


def test_the_table_holds_the_forty_faults() -> None:
    """Each once, in their order."""
    assert [fault.number for fault in FAULTS] == list(range(1, 41))
    assert len({fault.name for fault in FAULTS}) == 40


@pytest.mark.parametrize("tests", [".", "e2e"])
def test_every_fault_is_carried_by_a_test(tests: str) -> None:
    """End to end, whatever unit tests show of it; and no test carries a number that the table does not have."""
    assert carried(tests) == {fault.number for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.number)
def test_a_fault_is_told_as_the_code_tells_it(fault: Fault) -> None:
    """The errors exist, and each part of a message stands in a text of the package."""
    assert fault.ends
    assert [name for name in fault.errors if not hasattr(errors, name)] == []
    assert [part for part in fault.says if not any(part in text for text in told())] == []


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.errors], ids=lambda fault: fault.number)
def test_a_fault_that_ends_with_an_error_has_message_and_remedy(fault: Fault) -> None:
    """Whoever meets it finds what was said and what to do."""
    assert fault.says
    assert fault.remedy
