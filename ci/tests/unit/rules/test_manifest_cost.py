"""What an edit costs, counted in calls instead of seconds: the same on every machine."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from bench.manifest import DOCUMENT, IMAGE, TARGET
from ruamel.yaml import YAML

from stage_ci.rules.manifest import diff, update

# Where a document of the benchmark names its image.
WRITTEN = f"image: {IMAGE}:v1.0.10"


def manifest(documents: int, marker: str = "") -> str:
    """Return a manifest of so many documents, each with a reference to move."""
    return "---\n".join([DOCUMENT.replace(WRITTEN, f"{WRITTEN} {marker}".rstrip())] * documents)


def calls(work: Callable[[], object]) -> int:
    """Return how many functions were called for a piece of work, those of the language included."""
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


def edited(text: str) -> int:
    """Return what an edit costs, with the difference that is shown of it."""
    content = text.encode()
    return calls(lambda: diff(content, update(content, TARGET, filename="svm.yaml").content, filename="svm.yaml"))


@pytest.mark.fault(27)
@pytest.mark.parametrize("marker", ["", "# stage-ci: image"])
def test_an_edit_costs_at_most_two_parses(marker: str) -> None:
    """With every document edited, against one parse of ruamel.yaml alone."""
    text = manifest(20, marker)
    parse = calls(lambda: list(YAML(typ="safe", pure=True).compose_all(text)))
    assert edited(text) <= 2 * parse


@pytest.mark.fault(27)
@pytest.mark.parametrize("marker", ["", "# stage-ci: image", "# stage-ci: hold"])
def test_the_cost_grows_as_the_manifest_does(marker: str) -> None:
    """Twice the documents, twice the cost."""
    edited(manifest(1))
    assert edited(manifest(40, marker)) <= 2.05 * edited(manifest(20, marker))
