"""The model card, which helps readers decide whether the model suits their purpose."""

import shlex
from typing import Final

from . import MODEL_NAME
from .dataset import TEXT_COLUMN, TOPIC_COLUMN
from .evaluation import BINS
from .metrics import TrainingMetrics
from .rendering import render

CARD_FILE: Final = "MODEL_CARD.md"


def render_card(metrics: TrainingMetrics) -> str:
    """Returns the card of the model that the metrics describe, as Markdown."""
    return render(
        CARD_FILE, m=metrics, name=MODEL_NAME, bins=BINS, command=_command(metrics)
    )


def _command(metrics: TrainingMetrics) -> str:
    """Returns the command line that reproduces the model from the same file."""
    words = ["python", "-m", f"{__package__}.train"]
    words += ["--data", "tickets.csv", "--output", "model/"]
    if metrics.text_column != TEXT_COLUMN:
        words += ["--text-column", metrics.text_column]
    if metrics.topic_column != TOPIC_COLUMN:
        words += ["--topic-column", metrics.topic_column]
    return shlex.join([*words, "--seed", str(metrics.seed)])
