"""The training report: one HTML file for people, without a script or anything remote."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from . import MODEL_NAME
from .evaluation import BINS
from .metrics import Metrics
from .rendering import TEMPLATES, rendered

REPORT_FILE: Final = "report.html"

SHADES: Final = 10
"""Steps of shading, each a class of the style sheet."""

MISS_FACTOR: Final = 4
"""How much stronger errors are shaded than hits, which are several times as many."""

MOST_MISTAKES: Final = 8
"""Mistakes that are listed; the table has all."""

# Side of the reliability chart's plot and height of the counts below, in SVG units.
SIDE: Final = 320
COUNTS_HEIGHT: Final = 80


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix.

    Attributes:
        count: Tickets in it.
        share: Their share of the row, that is of the tickets with the true topic.
        shade: Class of the style sheet.
    """

    count: int
    share: float
    shade: str


@dataclass(frozen=True)
class Mistake:
    """Tickets of one topic that were given another."""

    count: int
    topic: str
    predicted: str


@dataclass(frozen=True)
class Point:
    """One bin of the reliability chart, in SVG units from the plot's upper left.

    Attributes:
        bin: The bin itself.
        x: Mean confidence.
        y: Accuracy.
        left: Where the bar of its count begins.
        width: Width of that bar.
        height: Height of that bar.
    """

    bin: dict[str, Any]
    x: float
    y: float
    left: float
    width: float
    height: float


def report(metrics: Metrics) -> str:
    """Returns the report of a training, as HTML that a strict policy lets through."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return rendered(
        REPORT_FILE,
        m=metrics,
        name=MODEL_NAME,
        bins=BINS,
        # Only this style sheet, nothing else: not even what a browser adds by itself.
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'",
        style=Markup(style),  # the project's own file; the digest holds for its bytes
        rows=confusion_rows(metrics.confusion),
        mistakes=mistakes(metrics),
        points=points(metrics.reliability),
        side=SIDE,
        counts_height=COUNTS_HEIGHT,
        miss_factor=MISS_FACTOR,
    )


def confusion_rows(confusion: list[list[int]]) -> list[list[Cell]]:
    """Returns the cells of the confusion matrix, row by row."""
    return [
        [_cell(count, sum(row), hit=at == column) for column, count in enumerate(row)]
        for at, row in enumerate(confusion)
    ]


def mistakes(metrics: Metrics) -> list[Mistake]:
    """Returns the most frequent mistakes, the most frequent first."""
    topics = [figures["topic"] for figures in metrics.per_topic]
    found = [
        Mistake(count, topic, predicted)
        for topic, row in zip(topics, metrics.confusion, strict=True)
        for predicted, count in zip(topics, row, strict=True)
        if count and topic != predicted
    ]
    return sorted(found, key=lambda mistake: -mistake.count)[:MOST_MISTAKES]


def points(reliability: list[dict[str, Any]]) -> list[Point]:
    """Returns the bins that hold tickets, where the chart shows them."""
    most = max(each["count"] for each in reliability)
    return [
        Point(
            bin=each,
            x=round(each["confidence"] * SIDE, 1),
            y=round((1 - each["accuracy"]) * SIDE, 1),
            left=round(each["low"] * SIDE + 1, 1),
            width=round((each["high"] - each["low"]) * SIDE - 2, 1),
            height=round(each["count"] / most * COUNTS_HEIGHT, 1),
        )
        for each in reliability
        if each["count"]
    ]


def _cell(count: int, of: int, *, hit: bool) -> Cell:
    share = count / of if of else 0.0
    strength = share if hit else share * MISS_FACTOR
    step = min(SHADES, round(strength * SHADES))
    return Cell(count, share, f"{'hit' if hit else 'miss'}-{step}")
