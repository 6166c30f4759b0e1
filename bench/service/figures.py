"""What measurements mean: reports of the load generator, medians and ratios. Runs nothing."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from bench.service.errors import RequestsFailed

BATCH: Final = 100
"""Texts of one request to /predict."""

ORIGINAL_ENVIRONMENT_BYTES: Final = 850_000_000
"""What the packages of the original's requirements take once installed, base image not counted: `du -sm` of a fresh
virtual environment. Read as decimal megabytes, the smaller reading."""

NANOSECONDS: Final = 1e6
"""In a millisecond; vegeta's reports count them."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did under load.

    Attributes:
        requests_per_second: Answers with status 200.
        p50_ms: Milliseconds within which half of the answers came.
        p99_ms: Milliseconds within which 99 of 100 answers came.
    """

    requests_per_second: float
    p50_ms: float
    p99_ms: float


def load(report: str) -> Load:
    """Read what `vegeta report -type=json` prints.

    Raises:
        RequestsFailed: if a request had another answer than 200, or if there was none.
    """
    told = json.loads(report)
    if told["status_codes"].keys() != {"200"}:
        why = "; ".join(told["errors"]) or "no request was sent"
        raise RequestsFailed(f"not every answer is a 200: {told['status_codes']}: {why}")
    latencies = told["latencies"]
    return Load(told["throughput"], latencies["50th"] / NANOSECONDS, latencies["99th"] / NANOSECONDS)


def median(loads: Sequence[Load]) -> Load:
    """Return the median of each figure."""
    columns = zip(*(asdict(one).values() for one in loads), strict=True)
    return Load(*(statistics.median(column) for column in columns))


def ratios(original: Load, ours: Load, batches: Load) -> dict[str, float]:
    """Return this service over the original: above 1 is more of it.

    Args:
        original: The original, one text per request.
        ours: This service, the same.
        batches: This service, ``BATCH`` texts per request.
    """
    return {
        "rps_ratio": ours.requests_per_second / original.requests_per_second,
        "p50_ratio": ours.p50_ms / original.p50_ms,
        "p99_ratio": ours.p99_ms / original.p99_ms,
        "batch_ratio": batches.requests_per_second * BATCH / original.requests_per_second,
    }


def rounded(figures: object) -> object:
    """Return figures, at any depth, to three decimals: no measurement here is better than that."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    return round(figures, 3) if isinstance(figures, float) else figures
