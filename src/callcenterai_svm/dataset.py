"""Reads labelled tickets from a CSV file and refuses what cannot be trained on."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .errors import DatasetError
from .topics import TOPICS, clean

TEXT_COLUMN: Final = "Document"
TOPIC_COLUMN: Final = "Topic_group"

FOLDS: Final = 5
"""Folds of the cross-validation that measures, and of the one inside that calibrates."""

FEWEST: Final = 7
"""Tickets a topic needs: two are held out of the largest fold, five are left to split."""


@dataclass(frozen=True)
class Tickets:
    """Cleaned texts and their topics, at the same positions."""

    texts: tuple[str, ...]
    topics: tuple[str, ...]

    @property
    def per_topic(self) -> dict[str, int]:
        """How many tickets each topic has, by name."""
        return dict(sorted(Counter(self.topics).items()))


def read_tickets(path: Path) -> Tickets:
    """Reads the columns ``Document`` and ``Topic_group`` of a UTF-8 CSV file.

    A ticket that repeats another with the same topic is left out: in two folds at
    once it would let the model be tested on what it has learned.

    Raises:
        DatasetError: If the file cannot be read, lacks a column or tickets, holds a
            blank text or an unknown topic, or too few topics or tickets of one.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            # A dict keeps the first of equal tickets, and the order of the file.
            rows = dict.fromkeys(_rows(path, csv.DictReader(lines, strict=True)))
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: not a UTF-8 CSV file: {error}") from error
    if not rows:
        raise DatasetError(f"{path}: no tickets below the header")
    texts, topics = zip(*rows, strict=True)
    tickets = Tickets(texts, topics)
    _check_balance(path, tickets)
    return tickets


def _rows(path: Path, reader: "csv.DictReader[str]") -> Iterator[tuple[str, str]]:
    columns = reader.fieldnames
    if not columns:
        raise DatasetError(f"{path}: the file is empty")
    for column in (TEXT_COLUMN, TOPIC_COLUMN):
        if column not in columns:
            found = ", ".join(columns)
            raise DatasetError(
                f"{path}: no column {column!r}; the columns are: {found}"
            )
    for row in reader:
        # A short row leaves None behind.
        text = clean(row[TEXT_COLUMN] or "")
        topic = (row[TOPIC_COLUMN] or "").strip()
        where = f"{path}, line {reader.line_num}"
        if not text:
            raise DatasetError(f"{where}: {TEXT_COLUMN} is blank")
        if topic not in TOPICS:
            known = ", ".join(TOPICS)
            raise DatasetError(f"{where}: {TOPIC_COLUMN} {topic!r} is none of: {known}")
        yield text, topic


def _check_balance(path: Path, tickets: Tickets) -> None:
    counts = tickets.per_topic
    if len(counts) < 2:
        (only,) = counts
        raise DatasetError(
            f"{path}: every ticket has the {TOPIC_COLUMN} {only!r}; "
            "a model needs two topics or more"
        )
    for topic, count in counts.items():
        if count < FEWEST:
            raise DatasetError(
                f"{path}: {TOPIC_COLUMN} {topic!r} has {count} different tickets; "
                f"cross-validation needs {FEWEST} or more"
            )
