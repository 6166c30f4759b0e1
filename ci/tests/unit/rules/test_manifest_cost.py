"""What an edit costs, counted in function calls instead of seconds: the count is the same on every machine."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from bench.manifest import DOCUMENT, IMAGE, TARGET
from ruamel.yaml import YAML

from stage_ci.rules.manifest import diff, update

# The line that holds the image in a document of the benchmark.
IMAGE_LINE = f"image: {IMAGE}:v1.0.10"


def manifest(documents: int, marker: str = "") -> str:
    """Return a manifest of `documents` documents, each with a reference to update."""
    return "---\n".join([DOCUMENT.replace(IMAGE_LINE, f"{IMAGE_LINE} {marker}".rstrip())] * documents)


def calls(work: Callable[[], object]) -> int:
    """Return the number of Python and C functions that `work` calls."""
    count = 0

    def called(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def edit_cost(text: str) -> int:
    """Return the number of calls that an edit and its diff make."""
    content = text.encode()
    return calls(lambda: diff(content, update(content, TARGET, filename="svm.yaml").content, filename="svm.yaml"))


@pytest.mark.fault(27)
@pytest.mark.parametrize("marker", ["", "# stage-ci: image"])
def test_an_edit_costs_at_most_two_parses(marker: str) -> None:
    """An edit of every document, with its diff, makes at most twice the calls of one parse by ruamel.yaml."""
    text = manifest(20, marker)
    parse = calls(lambda: list(YAML(typ="safe", pure=True).compose_all(text)))
    assert edit_cost(text) <= 2 * parse


@pytest.mark.fault(27)
@pytest.mark.parametrize("marker", ["", "# stage-ci: image", "# stage-ci: hold"])
def test_cost_is_linear_in_the_size_of_the_manifest(marker: str) -> None:
    """Twice the documents cost at most 2.05 times the calls."""
    edit_cost(manifest(1))
    assert edit_cost(manifest(40, marker)) <= 2.05 * edit_cost(manifest(20, marker))
