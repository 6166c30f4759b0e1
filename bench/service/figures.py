"""Computes figures from reports of the load generator: medians and ratios."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from bench.service.errors import RequestsFailed

BATCH: Final = 100
"""The texts in one request to /predict."""

ORIGINAL_ENVIRONMENT_BYTES: Final = 850_000_000
"""The size of the original's installed packages without the base image, from `du -sm` of a fresh virtual environment.
Taken as decimal megabytes, which is the smaller interpretation."""

NANOSECONDS: Final = 1e6
"""Nanoseconds, the unit of vegeta's reports, in a millisecond."""


@dataclass(frozen=True, slots=True)
class Load:
    """The throughput and the latencies of a server under load.

    Attributes:
        requests_per_second: Responses with status 200 in a second.
        p50_ms: The median latency in milliseconds.
        p99_ms: The 99th percentile of the latency in milliseconds.
    """

    requests_per_second: float
    p50_ms: float
    p99_ms: float


def load(report: str) -> Load:
    """Return the figures in the output of `vegeta report -type=json`.

    Raises:
        RequestsFailed: if a request got a response other than 200, or if no request was sent.
    """
    values = json.loads(report)
    if values["status_codes"].keys() != {"200"}:
        why = "; ".join(values["errors"]) or "no request was sent"
        raise RequestsFailed(f"requests failed; responses by status: {values['status_codes']}: {why}")
    latencies = values["latencies"]
    return Load(values["throughput"], latencies["50th"] / NANOSECONDS, latencies["99th"] / NANOSECONDS)


def median(loads: Sequence[Load]) -> Load:
    """Return the median of each figure."""
    columns = zip(*(asdict(one).values() for one in loads), strict=True)
    return Load(*(statistics.median(column) for column in columns))


def ratios(original: Load, ours: Load, batches: Load) -> dict[str, float]:
    """Return each figure of this service divided by that of the original.

    Args:
        original: The original, with one text per request.
        ours: This service, with one text per request.
        batches: This service, with ``BATCH`` texts per request.
    """
    return {
        "rps_ratio": ours.requests_per_second / original.requests_per_second,
        "p50_ratio": ours.p50_ms / original.p50_ms,
        "p99_ratio": ours.p99_ms / original.p99_ms,
        "batch_ratio": batches.requests_per_second * BATCH / original.requests_per_second,
    }


def rounded(figures: object) -> object:
    """Round all floats at any depth to three decimals, the precision of the measurements."""
    if isinstance(figures, dict):
        return {name: rounded(value) for name, value in figures.items()}
    return round(figures, 3) if isinstance(figures, float) else figures
