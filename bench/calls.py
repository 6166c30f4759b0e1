"""`dagger call` with a copy of the module that has one more function, which does nothing."""

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.processes import ROOT, run
from bench.rows import MeasurementError
from stage_ci.rules.timeline import Span

# Seconds for one call; with a cold cache, a stage builds images.
LIMIT: Final = 900
# Added to a copy of the module; measures what every uncached call takes.
NO_OP: Final = '''
    @dagger.function(cache="never")
    async def no_op(self) -> str:
        """Do nothing."""
        return ""

'''
FUNCTION: Final = "    @dagger.function\n"  # precedes the module's first function


def call(module: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Run `dagger call ARGUMENTS` with the module in the folder ``module`` and return what it prints.

    Args:
        module: The folder with the module's dagger.json.
        arguments: The words after `dagger call`.
        variables: Environment variables to add.

    Raises:
        MeasurementError: if the call fails or takes too long.
    """
    command = ["dagger", "-m", str(module), "call", *arguments]
    return run(command, limit=LIMIT, variables=os.environ | (variables or {}))


def copy_module(folder: Path) -> Path:
    """Copy the module into ``folder`` and add the function `no-op`."""
    for name in ("dagger.json", "ci/pyproject.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("ci/src", "examples"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    main = folder / "ci" / "src" / "stage_ci" / "main.py"
    main.write_text(main.read_text().replace(FUNCTION, NO_OP.lstrip("\n") + FUNCTION, 1))
    return folder


def minimal_module(folder: Path) -> Path:
    """Write a module of the same name and packages into ``folder`` that has only the function `no-op`."""
    source = folder / "ci" / "src" / "stage_ci" / "__init__.py"
    source.parent.mkdir(parents=True)
    source.write_text(f'"""A module."""\n\nimport dagger\n\n\n@dagger.object_type\nclass StageCi:{NO_OP.rstrip()}\n')
    for name in ("dagger.json", "ci/pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage that succeeded.

    Attributes:
        seconds: From the start of the CLI to its end.
        release: The object that it printed.
    """

    seconds: float
    release: dict[str, Any]

    @property
    def spans(self) -> list[Span]:
        """The timeline of the stage.

        Raises:
            MeasurementError: if the stage printed none.
        """
        if not self.release.get("timeline"):
            raise MeasurementError("`stage --format=json` printed no timeline: its key `timeline` is missing or empty")
        return [Span.read(fields) for fields in self.release["timeline"]]

    def span(self, step: str) -> Span:
        """Return the first span of a step.

        Raises:
            MeasurementError: if the timeline has no such step.
        """
        for span in self.spans:
            if span.step == step:
                return span
        raise MeasurementError(f"the stage's timeline has no step {step!r}: {[span.step for span in self.spans]}")


def stage(module: Path, rehearsal: str, source: Path, variables: Mapping[str, str] | None = None) -> StageRun:
    """Stage ``source`` in a rehearsal of its own and return the run.

    Raises:
        MeasurementError: if the stage fails or takes too long.
    """
    settings = [f"--rehearsal={rehearsal}", f"--rehearsal-seed={ROOT / 'examples' / 'infra'}"]
    began = time.monotonic()
    printed = call(module, *settings, "stage", f"--source={source}", "--format=json", variables=variables)
    return StageRun(time.monotonic() - began, json.loads(printed))


def reset(module: Path, rehearsal: str) -> None:
    """Delete what the stages of a rehearsal have left in the engine."""
    call(module, f"--rehearsal={rehearsal}", "rehearsal", "reset")
