"""The program that runs Trivy with kept analyses, with a program in place of Trivy that adds a line to them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.adapters.programs import program

if TYPE_CHECKING:
    from pathlib import Path

# Prints its arguments and the analyses that it found, and adds its last argument to them, or fails with status 3.
STUB: Final = """#!/bin/sh
printf '%s\\n' "$*"
analyses=$2/fanal/fanal.db
[ -f "$analyses" ] && cat "$analyses"
for layer; do :; done
[ "$layer" = unreadable ] && exit 3
printf '%s\\n' "$layer" >>"$analyses"
"""

LIMIT: Final = 268435456  # bytes of the program


@pytest.fixture
def analyses(tmp_path: Path) -> Path:
    """The folder that all runs share."""
    folder = tmp_path / "analyses"
    folder.mkdir()
    return folder


def run_trivy(analyses: Path, layer: str, cache: str = "cache", limit: int = LIMIT) -> subprocess.CompletedProcess[str]:
    """Run the program for an image with one new layer, with a cache of its own."""
    folder = analyses.parent
    (folder / "trivy").write_text(STUB)
    (folder / "trivy").chmod(0o755)
    script = program("run_trivy.sh").replace(f"LIMIT={LIMIT}", f"LIMIT={limit}")
    words = ["sh", "-c", script, "sh", str(analyses / "packages.db"), str(folder / cache), "image", layer]
    environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def found(run: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the analyses that a run found."""
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()[1:]


def test_the_arguments_reach_trivy_with_a_cache_of_its_own(analyses: Path) -> None:
    """What follows the two folders is passed on behind Trivy's option for the cache."""
    run = run_trivy(analyses, "a b")
    assert run.stdout.splitlines()[0] == f"--cache-dir {analyses.parent / 'cache'} image a b"


def test_a_run_finds_what_other_caches_have_analysed(analyses: Path) -> None:
    """Runs with caches of their own find all earlier analyses, and leave one file behind."""
    assert found(run_trivy(analyses, "base", "one")) == []
    assert found(run_trivy(analyses, "application", "two")) == ["base"]
    assert found(run_trivy(analyses, "another", "one")) == ["base", "application"]
    assert [file.name for file in analyses.iterdir()] == ["packages.db"]


def test_a_failure_keeps_its_status_and_no_analyses(analyses: Path) -> None:
    """Trivy may have failed because of the analyses, so the next run begins without."""
    found(run_trivy(analyses, "base"))
    assert run_trivy(analyses, "unreadable").returncode == 3
    assert list(analyses.iterdir()) == []
    assert found(run_trivy(analyses, "base")) == []


def test_analyses_do_not_grow_without_end(analyses: Path) -> None:
    """Above the limit, the next run begins anew, also in the same cache."""
    assert found(run_trivy(analyses, "base", limit=9)) == []
    assert found(run_trivy(analyses, "long", limit=9)) == ["base"]
    assert found(run_trivy(analyses, "base", limit=9)) == []
