"""The table of the faults in docs/errors.md agrees with the tests' markers and with the code's messages."""

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
def marked_numbers(folder: str) -> set[int]:
    """Return the fault numbers in the markers of all tests in a folder of ci/tests."""
    trees = [ast.parse(path.read_text()) for path in (CI / "tests" / folder).rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.fault"]
    return {ast.literal_eval(number) for mark in marks for number in mark.args}


# The faults in the section on trust.
TRUST: Final = (41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55)


@cache
def messages() -> set[str]:
    """Return every string of the package's code, with `…` for each formatted value."""
    return {text for path in (CI / "src/stage_ci").rglob("*.py") for text in strings(ast.parse(path.read_text()))}


def strings(node: ast.AST) -> Iterator[str]:
    """Yield the strings below a node except docstrings."""
    match node:
        case ast.JoinedStr(parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.Constant(str(text)):
            yield text
        case ast.Expr(ast.Constant()):
            return
    for child in ast.iter_child_nodes(node):
        yield from strings(child)


def test_the_table_lists_every_fault_once() -> None:
    """The table lists the faults 1 to 40 and those of trust in order, each with its own name."""
    assert [fault.number for fault in FAULTS] == [*range(1, 41), *TRUST]
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("folder", [".", "e2e"])
def test_every_fault_has_an_end_to_end_test(folder: str) -> None:
    """The markers of the end-to-end tests name all faults of the table, and no marker names another number."""
    assert marked_numbers(folder) == {fault.number for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.number)
def test_the_table_quotes_the_code(fault: Fault) -> None:
    """Each fault has an outcome, its error classes exist, and its messages are strings of the package."""
    assert fault.outcome
    assert [name for name in fault.errors if not hasattr(errors, name)] == []
    assert [part for part in fault.messages if not any(part in text for text in messages())] == []


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.errors], ids=lambda fault: fault.number)
def test_a_fault_with_an_error_has_message_and_remedy(fault: Fault) -> None:
    """Each fault that ends with an error has a message and a remedy in the table."""
    assert fault.messages
    assert fault.remedy
