"""The module that is measured, and what a stage prints."""

import ast
from pathlib import Path

import pytest
from bench.calls import StageRun, copy_module, minimal_module
from bench.processes import ROOT
from bench.rows import MeasurementError

from stage_ci.rules.timeline import Span

RUN = StageRun(20.0, {"version": "v1.0.2", "timeline": [{"step": "lint", "start": 0.31, "seconds": 4.2}]})


def test_the_copied_module_has_one_more_function(tmp_path: Path) -> None:
    """The copy has a function `no_op` of the main object, uncached as `stage` is, and its first one is still cached."""
    module = copy_module(tmp_path / "module")
    assert (module / "dagger.json").exists()
    tree = ast.parse((module / "ci/src/stage_ci/main.py").read_text())
    main = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "StageCi")
    functions = {node.name: node for node in main.body if isinstance(node, ast.AsyncFunctionDef)}
    decorators = {name: [ast.unparse(one) for one in function.decorator_list] for name, function in functions.items()}
    assert decorators["no_op"] == ["dagger.function(cache='never')"]
    assert decorators["lint"] == ["dagger.function", "dagger.check"]


def test_the_timeline_of_a_stage_is_read_from_what_it_prints() -> None:
    """Each object of the timeline becomes a span."""
    assert RUN.spans == [Span("lint", 0.31, 4.2)]
    assert RUN.span("lint").seconds == 4.2


@pytest.mark.parametrize("release", [{"version": "v1.0.2"}, {"timeline": []}])
def test_a_stage_without_a_timeline_is_an_error(release: dict[str, object]) -> None:
    """A missing timeline is not taken for a stage without steps."""
    with pytest.raises(MeasurementError, match="printed no timeline: its key `timeline` is missing or empty"):
        StageRun(20.0, release).spans  # noqa: B018 - the property raises


def test_a_missing_step_is_an_error() -> None:
    """A step of another name is not taken for one that took no time."""
    with pytest.raises(MeasurementError, match=r"has no step 'test': \['lint'\]"):
        RUN.span("test")


def test_the_minimal_module_has_one_function(tmp_path: Path) -> None:
    """It has the name and the packages of this module, and does nothing else."""
    folder = minimal_module(tmp_path / "minimal")
    code = (folder / "ci" / "src" / "stage_ci" / "__init__.py").read_text()
    (main,) = [node for node in ast.parse(code).body if isinstance(node, ast.ClassDef)]
    assert (main.name, len(main.body)) == ("StageCi", 1)
    assert (folder / "ci" / "pyproject.toml").read_text() == (ROOT / "ci" / "pyproject.toml").read_text()
