"""F8: twenty stages of different sources at once, compared with twenty one after the other."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx
import pytest
from cli import make_source
from environment import Environment, start_environment
from real_registry import serve_registry
from soak import run_stage
from soak_invariants import Invariants, Snapshot, StageRun

from bench.machine import busy_seconds
from bench.rows import MeasurementError, Row
from bench.session import Session

STAGES: Final = 20


@dataclass(frozen=True, slots=True)
class Wave:
    """The duration of some stages, and the seconds for which they kept the machine's processors busy, in total."""

    seconds: float
    busy: float

    def __add__(self, other: Self) -> "Wave":
        return Wave(self.seconds + other.seconds, self.busy + other.busy)


def measure(session: Session) -> list[Row]:
    """Return the rows of F8.

    Raises:
        MeasurementError: if the registry cannot be served, if a stage fails, or if the stages violate an invariant.
    """
    folder = session.folder / "races"
    (folder / "sources").mkdir(parents=True)
    try:
        with serve_registry() as address, start_environment(address, folder) as env:
            return race(env, folder / "sources")
    except (AssertionError, pytest.fail.Exception, httpx.HTTPError) as error:  # of the helpers of the end-to-end tests
        raise MeasurementError(f"the registry of the race failed: {error}") from error


def race(env: Environment, folder: Path) -> list[Row]:
    """Return the rows of F8.

    Raises:
        MeasurementError: if a stage fails, or if a version is lost, duplicated or overwritten.
    """
    # Numbers of their own in each run, or the engine would have the results of the checks from the run before.
    began = int(time.time())
    first, *sources = [make_source(folder, began + number) for number in range(2 * STAGES + 1)]
    invariants = Invariants()
    # Uploads the layers that all images share, and leaves the caches warm for both sides.
    stage(env, invariants, [first], at_once=1)
    # Half of the series goes before the race and half after it, so that a change of the machine's load affects both.
    half = STAGES // 2
    series = stage(env, invariants, sources[:half], at_once=1)
    racing = stage(env, invariants, sources[half : half + STAGES], at_once=STAGES)
    series += stage(env, invariants, sources[half + STAGES :], at_once=1)
    counts = invariants.counts()
    reference = f"as many in series, each of a source of its own; {counts['versions']} versions, none twice"
    processors = f"all {os.cpu_count()} processors, everything that ran on the machine"
    what = f"{STAGES} racing stages / {STAGES} in series"
    return [
        Row.ratio("F8", what, [racing.seconds / series.seconds], reference=reference, goal=1),
        Row.seconds("F8-race", f"{STAGES} stages at once", [racing.seconds], reference=reference),
        Row.seconds("F8-series", f"{STAGES} stages one after the other", [series.seconds], reference=reference),
        Row.seconds("F8-race-busy", "processor time of the race", [racing.busy], reference=processors),
        Row.seconds("F8-series-busy", "processor time of the series", [series.busy], reference=processors),
    ]


def stage(env: Environment, invariants: Invariants, sources: Sequence[Path], *, at_once: int) -> Wave:
    """Stage all ``sources``, so many at once; return what it took until the last one had ended.

    Raises:
        MeasurementError: if a stage fails, or if a version is lost, duplicated or overwritten.
    """
    began, busy = time.monotonic(), busy_seconds()
    with ThreadPoolExecutor(at_once) as pool:
        runs = list(pool.map(lambda source: run_stage(env, source), sources))
    took = Wave(time.monotonic() - began, busy_seconds() - busy)
    snapshot = Snapshot(env.tags(), env.claims(), env.commits(), env.read_file(), env.image)
    raise_if_violated(invariants, runs, snapshot)
    return took


def raise_if_violated(invariants: Invariants, runs: list[StageRun], snapshot: Snapshot) -> None:
    """Raise if one of ``runs`` failed or violated an invariant.

    Raises:
        MeasurementError: with the failures and the violations.
    """
    violations = [str(run) for run in runs if not run.release] + invariants.check(runs, snapshot)
    if violations:
        raise MeasurementError(f"the stages of a race are not all right: {'; '.join(violations)}")
