"""Reads labelled tickets from a CSV file and refuses what cannot be trained on."""

import csv
import hashlib
import io
import reprlib
import textwrap
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
"""Folds of the cross-validation that measures, and of the one inside that chooses."""

FEWEST: Final = 7
"""Tickets a topic needs: two are held out of the largest fold, five are left to split."""

MAX_BYTES: Final = 32 * 1024 * 1024
"""Bytes of a file: twice what 47,837 real tickets have. Learning takes a hundred times as much memory."""


LONGEST_LIST: Final = 200
"""Characters of a file's own column names in a message."""


@dataclass(frozen=True)
class Tickets:
    """Cleaned texts and their topics, at the same positions.

    Attributes:
        texts: What the model is trained on.
        topics: The topic of each text.
        digest: SHA-256 of the file that they were read from.
        repeated: How many tickets were left out as repetitions.
    """

    texts: tuple[str, ...]
    topics: tuple[str, ...]
    digest: str
    repeated: int

    @property
    def per_topic(self) -> dict[str, int]:
        """How many tickets each topic has, by name."""
        return dict(sorted(Counter(self.topics).items()))

    @property
    def disputed(self) -> int:
        """How many texts have more than one topic."""
        return sum(count > 1 for count in Counter(self.texts).values())


def read_tickets(
    path: Path, text_column: str = TEXT_COLUMN, topic_column: str = TOPIC_COLUMN
) -> Tickets:
    """Reads two columns of a UTF-8 CSV file with a header.

    A ticket that repeats another with the same topic is left out: in two folds at
    once it would let the model be tested on what it has learned. The same text with
    two topics stays, once with each: people did not agree, so the model should not be
    sure, and a fold that is tested on the other topic gains nothing by it.

    Args:
        path: The file, of at most ``MAX_BYTES``.
        text_column: Name of the column with the ticket's text.
        topic_column: Name of the column with its topic.

    Raises:
        DatasetError: If the file cannot be read, lacks a column or tickets, holds an
            incomplete row, a text without a letter or an unknown topic, or too few
            topics or tickets of one.
    """
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8: {error}") from error
    rows = list(_rows(path, text, (text_column, topic_column)))
    if not rows:
        raise DatasetError(f"{path}: no tickets below the header")
    # A dict keeps the first of equal tickets, and the order of the file.
    texts, topics = zip(*dict.fromkeys(rows), strict=True)
    digest = hashlib.sha256(content).hexdigest()
    tickets = Tickets(texts, topics, digest, repeated=len(rows) - len(texts))
    _check_balance(path, topic_column, tickets)
    return tickets


def _content(path: Path) -> bytes:
    """Returns the file's bytes, which are what is digested and what is parsed."""
    try:
        with path.open("rb") as file:
            # One more than allowed is enough to know, also of what has no end.
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise DatasetError(
            f"{path}: more than {MAX_BYTES} bytes; train on a sample of the tickets"
        )
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise DatasetError(f"{path}, line {line}: a NUL byte; not UTF-8 text")
    return content


def _rows(path: Path, text: str, names: tuple[str, str]) -> Iterator[tuple[str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        positions = _positions(path, header, names)
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if len(row) != len(header):
                found = f"values: {len(row)}, columns: {len(header)}"
                raise DatasetError(f"{where}: {found}")
            first, second = (row[position] for position in positions)
            yield _ticket(where, names, first, second)
    except csv.Error as error:
        where = f"{path}, line {reader.line_num}"
        raise DatasetError(f"{where}: not CSV: {error}") from error


def _positions(path: Path, header: list[str], names: tuple[str, str]) -> list[int]:
    if not header:
        raise DatasetError(f"{path}: the first line is empty; it names the columns")
    for name in names:
        if header.count(name) != 1:
            problem = "two columns" if name in header else "no column"
            found = textwrap.shorten(", ".join(header), LONGEST_LIST)
            raise DatasetError(f"{path}: {problem} {name!r}; the columns are: {found}")
    return [header.index(name) for name in names]


def _ticket(
    where: str, names: tuple[str, str], text: str, topic: str
) -> tuple[str, str]:
    text_column, topic_column = names
    cleaned, topic = clean(text), topic.strip()
    if not cleaned:
        raise DatasetError(f"{where}: {text_column} holds no letter")
    if topic not in TOPICS:
        # A quote that is missing puts a whole text in the place of a topic.
        known, shown = ", ".join(TOPICS), reprlib.repr(topic)
        raise DatasetError(f"{where}: {topic_column} {shown} is none of: {known}")
    return cleaned, topic


def _check_balance(path: Path, topic_column: str, tickets: Tickets) -> None:
    counts = tickets.per_topic
    if len(counts) < 2:
        (only,) = counts
        raise DatasetError(
            f"{path}: every ticket has the {topic_column} {only!r}; "
            "a model needs two topics or more"
        )
    for topic, count in counts.items():
        if count < FEWEST:
            raise DatasetError(
                f"{path}: {topic_column} {topic!r} has {count} different tickets; "
                f"cross-validation needs {FEWEST} or more"
            )
