"""F7, second half: the edit of a manifest of a thousand documents, compared with one parse of it by ruamel.yaml."""

import time
from collections.abc import Callable
from typing import Final

from ruamel.yaml import YAML

from bench.manifest import DOCUMENT, TARGET
from bench.rows import MeasurementError, Row, ratios
from bench.session import Session
from stage_ci.rules.manifest import update

ROUNDS: Final = 3
DOCUMENTS: Final = 1_000


def measure(_: Session) -> list[Row]:
    """Return the rows about the edit of a manifest."""
    half, whole = manifest(DOCUMENTS // 2), manifest(DOCUMENTS)
    parses, halves, wholes = [], [], []
    for _round in range(ROUNDS):
        parses.append(cpu_seconds(lambda: list(YAML(typ="safe", pure=True).compose_all(whole))))
        halves.append(cpu_seconds(lambda: edit(half, DOCUMENTS // 2)))
        wholes.append(cpu_seconds(lambda: edit(whole, DOCUMENTS)))
    return rows(wholes, halves, parses)


def rows(wholes: list[float], halves: list[float], parses: list[float]) -> list[Row]:
    """Return the rows from the seconds of edits of all documents, of half of them, and of parses of all."""
    name = f"editing {DOCUMENTS:,} documents"
    parse = "one parse of the same text by ruamel.yaml, in turn with it; processor time"
    linear = f"editing {DOCUMENTS // 2:,} documents; 2.3 leaves 0.3 for chance"
    return [
        Row.ratio("F7-edit", f"{name} / one parse", ratios(wholes, parses), reference=parse, goal=2),
        Row.ratio("F7-edit-linear", f"{name} / half of them", ratios(wholes, halves), reference=linear, goal=2.3),
        Row.seconds("F7-edit-seconds", name, wholes, reference=f"the parse: {min(parses):.2f} to {max(parses):.2f} s"),
    ]


def manifest(documents: int) -> str:
    """Return a manifest of ``documents`` documents, each with a reference to edit."""
    return "---\n".join([DOCUMENT] * documents)


def edit(text: str, references: int) -> None:
    """Edit a manifest.

    Raises:
        MeasurementError: if another number of references changes.
    """
    found = len(update(text.encode(), TARGET, filename="svm.yaml").changes)
    if found != references:
        raise MeasurementError(f"the edit changes {found} references of {references}")


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the processor time that ``work`` takes."""
    began = time.process_time()
    work()
    return time.process_time() - began
