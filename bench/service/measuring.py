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
"""Seconds of load before each measurement, to warm up the server."""

STARTS: Final = 5
"""The number of measured starts of the service."""


@dataclass(frozen=True, slots=True)
class Loads:
    """The medians under load: of both with one text per request, and of this service with batches."""

    original: Load
    ours: Load
    batches: Load


def under_load(run: Run) -> Loads:
    """Start both servers and measure them in turn, round by round.

    Raises:
        ServerFailed: if a server does not start.
        RequestsFailed: if a response is not 200.
    """
    texts = load.texts_of(run.data)
    tickets, batches = [{"text": text} for text in texts], [{"text": batch} for batch in load.batches(texts)]
    # The original has no /ready, but answers on FastAPI's /openapi.json only after it has loaded its model.
    with _ready(run.original(), "/openapi.json") as original, _ready(run.ours(), "/ready") as ours:
        points = (
            _targets(run.folder / "original", f"{original.url}/predict_one", tickets),
            _targets(run.folder / "ours", f"{ours.url}/predict_one", tickets),
            _targets(run.folder / "batches", f"{ours.url}/predict", batches),
        )
        rounds = [[_measure(point, run.seconds) for point in points] for _ in range(run.rounds)]
    return Loads(*(median(column) for column in zip(*rounds, strict=True)))


def ready_seconds(run: Run) -> float:
    """Return the median seconds from the start of this service's process to its first 200 on /ready.

    Its modules are compiled to bytecode by then, as in the image, because it ran under load before.
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
    # Without trust_env, no proxy from the environment comes between.
    return httpx.Client(trust_env=False, timeout=1)


def _targets(file: Path, url: str, bodies: list[dict[str, Any]]) -> Path:
    file.write_text(load.targets(url, bodies))
    return file


def _measure(requests: Path, seconds: float) -> Load:
    load.attack(requests, WARMING)
    measured = load.attack(requests, seconds)
    sys.stderr.write(f"{requests.name:9}{measured}\n")
    return measured
