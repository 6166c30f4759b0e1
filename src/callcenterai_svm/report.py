"""The training report: one self-contained HTML file without scripts."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from . import MODEL_NAME
from .evaluation import BINS
from .metrics import TrainingMetrics
from .rendering import TEMPLATES, render

REPORT_FILE: Final = "report.html"

SHADES: Final = 10
"""Shading steps; each has a class in the style sheet."""

ERROR_SHADE_FACTOR: Final = 4
"""Extra shading of errors, which are several times rarer than correct predictions."""

MAX_MISTAKES: Final = 8
"""Most mistakes in the list; the confusion matrix shows all of them."""

# Side of the reliability chart's plot and height of the bars below it, in SVG units.
SIDE: Final = 320
COUNTS_HEIGHT: Final = 80


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix.

    Attributes:
        count: Number of tickets.
        share: Share of the row, that is, of all tickets with the true topic.
        shade: Class in the style sheet.
    """

    count: int
    share: float
    shade: str


@dataclass(frozen=True)
class Mistake:
    """Number of tickets of one topic that were predicted as another."""

    count: int
    topic: str
    predicted: str


@dataclass(frozen=True)
class Point:
    """One bin of the reliability chart, in SVG units from the upper left corner.

    Attributes:
        bin: The bin, as in ``metrics.json``.
        x: Mean confidence.
        y: Accuracy.
        left: Left edge of the count's bar.
        width: Width of that bar.
        height: Height of that bar.
    """

    bin: dict[str, Any]
    x: float
    y: float
    left: float
    width: float
    height: float


def render_report(metrics: TrainingMetrics) -> str:
    """Returns the report as HTML with a strict content security policy."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return render(
        REPORT_FILE,
        m=metrics,
        name=MODEL_NAME,
        bins=BINS,
        # Allows this style sheet and nothing else.
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'",
        style=Markup(style),  # trusted, and unescaped so that its digest matches
        rows=confusion_rows(metrics.confusion),
        mistakes=mistakes(metrics),
        points=points(metrics.reliability),
        side=SIDE,
        counts_height=COUNTS_HEIGHT,
        error_shade_factor=ERROR_SHADE_FACTOR,
    )


def confusion_rows(confusion: list[list[int]]) -> list[list[Cell]]:
    """Returns the cells of the confusion matrix, row by row."""
    return [
        [
            _cell(count, sum(row), correct=topic == predicted)
            for predicted, count in enumerate(row)
        ]
        for topic, row in enumerate(confusion)
    ]


def mistakes(metrics: TrainingMetrics) -> list[Mistake]:
    """Returns the most frequent mistakes, most frequent first."""
    topics = [each["topic"] for each in metrics.per_topic]
    found = [
        Mistake(count, topic, predicted)
        for topic, row in zip(topics, metrics.confusion, strict=True)
        for predicted, count in zip(topics, row, strict=True)
        if count and topic != predicted
    ]
    return sorted(found, key=lambda mistake: -mistake.count)[:MAX_MISTAKES]


def points(reliability: list[dict[str, Any]]) -> list[Point]:
    """Returns the chart positions of the bins that are not empty."""
    largest = max(each["count"] for each in reliability)
    return [
        Point(
            bin=each,
            x=round(each["confidence"] * SIDE, 1),
            y=round((1 - each["accuracy"]) * SIDE, 1),
            left=round(each["low"] * SIDE + 1, 1),
            width=round((each["high"] - each["low"]) * SIDE - 2, 1),
            height=round(each["count"] / largest * COUNTS_HEIGHT, 1),
        )
        for each in reliability
        if each["count"]
    ]


def _cell(count: int, total: int, *, correct: bool) -> Cell:
    share = count / total if total else 0.0
    strength = share if correct else share * ERROR_SHADE_FACTOR
    step = min(SHADES, round(strength * SHADES))
    return Cell(count, share, f"{'hit' if correct else 'miss'}-{step}")
