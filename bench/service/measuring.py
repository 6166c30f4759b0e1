"""The measurements of one run."""

import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from bench.service import load
from bench.service.figures import Load, median
from bench.service.run import Run
from bench.service.servers import Server, Setting, running

WARMING: Final = 1
"""Seconds of load before each measurement, not counted."""

STARTS: Final = 5
"""Starts of the service; their median counts."""


@dataclass(frozen=True, slots=True)
class Loads:
    """Medians under load: both with one text per request, and this service with batches."""

    original: Load
    ours: Load
    batches: Load


def under_load(run: Run) -> Loads:
    """Start both servers and ask them in turn, round by round.

    Raises:
        ServerFailed: if one does not start.
        RequestsFailed: if an answer is no 200.
    """
    texts = load.texts_of(run.data)
    tickets, batches = [{"text": text} for text in texts], [{"text": batch} for batch in load.batches(texts)]
    # FastAPI's own path: the original has no /ready, and answers nothing before it has its model.
    with _ready(run.original(), "/openapi.json") as original, _ready(run.ours(), "/ready") as ours:
        points = (
            _targets(run.folder / "original", f"{original.url}/predict_one", tickets),
            _targets(run.folder / "ours", f"{ours.url}/predict_one", tickets),
            _targets(run.folder / "batches", f"{ours.url}/predict", batches),
        )
        rounds = [[_measured(point, run.seconds) for point in points] for _ in range(run.rounds)]
    return Loads(*(median(column) for column in zip(*rounds, strict=True)))


def ready_seconds(run: Run) -> float:
    """Return the time from the start of this service's process to its first 200 on /ready: the median of several.

    It was started before, under load: as in the image, there is bytecode of all that it imports.
    """
    return statistics.median(_start(run.ours()) for _ in range(STARTS))


def _start(setting: Setting) -> float:
    with _client() as client, running(setting) as server:
        return server.seconds_until_answered(client, "/ready")


@contextmanager
def _ready(setting: Setting, path: str) -> Iterator[Server]:
    with _client() as client, running(setting) as server:
        server.seconds_until_answered(client, path)
        yield server


def _client() -> httpx.Client:
    # Whatever proxy the environment names has no part in this.
    return httpx.Client(trust_env=False, timeout=1)


def _targets(file: Path, url: str, bodies: list[dict[str, Any]]) -> Path:
    file.write_text(load.targets(url, bodies))
    return file


def _measured(requests: Path, seconds: float) -> Load:
    load.attack(requests, WARMING)
    measured = load.attack(requests, seconds)
    sys.stderr.write(f"{requests.name:9}{measured}\n")
    return measured
