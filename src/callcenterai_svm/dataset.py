"""Reads labelled tickets from a CSV file and rejects files unfit for training."""

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
"""Folds of the outer cross-validation, which measures, and of the inner one, which
chooses C."""

MIN_PER_TOPIC: Final = 7
"""Fewest tickets of a topic: the outer fold holds out two, which leaves the inner
folds five to split."""

MAX_BYTES: Final = 32 * 1024 * 1024
"""Largest file, in bytes: twice the size of 47,837 real tickets. Training takes about a
hundred times as much memory as the file."""

MAX_COLUMN_LIST: Final = 200
"""Longest list of a file's column names in an error message, in characters."""


@dataclass(frozen=True)
class Tickets:
    """Cleaned texts and their topics, index by index.

    Attributes:
        texts: The cleaned texts.
        topics: The topic of each text.
        digest: SHA-256 of the CSV file.
        repeated: Number of duplicate tickets that were left out.
    """

    texts: tuple[str, ...]
    topics: tuple[str, ...]
    digest: str
    repeated: int

    @property
    def per_topic(self) -> dict[str, int]:
        """Number of tickets of each topic, sorted by topic name."""
        return dict(sorted(Counter(self.topics).items()))

    @property
    def disputed(self) -> int:
        """Number of texts that occur with more than one topic."""
        return sum(count > 1 for count in Counter(self.texts).values())


def read_tickets(
    path: Path, text_column: str = TEXT_COLUMN, topic_column: str = TOPIC_COLUMN
) -> Tickets:
    """Reads two columns of a UTF-8 CSV file with a header.

    Duplicate tickets (same text, same topic) are left out: with copies in two folds,
    the model would be tested on tickets it was trained on. A text that occurs with two
    topics is kept once for each: people disagreed, so the model should be uncertain,
    and having seen the text with one topic does not help to predict the other.

    Args:
        path: The file, at most ``MAX_BYTES`` long.
        text_column: Name of the column that holds the texts.
        topic_column: Name of the column that holds the topics.

    Raises:
        DatasetError: If the file cannot be read, has no tickets or lacks a column; if
            a row is incomplete, its text has no letters or its topic is unknown; or if
            there are too few topics or too few tickets of a topic.
    """
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: invalid UTF-8: {error}") from error
    rows = list(_rows(path, text, (text_column, topic_column)))
    if not rows:
        raise DatasetError(f"{path}: no tickets after the header")
    # A dict drops duplicates and keeps the order of the file.
    texts, topics = zip(*dict.fromkeys(rows), strict=True)
    digest = hashlib.sha256(content).hexdigest()
    tickets = Tickets(texts, topics, digest, repeated=len(rows) - len(texts))
    _check_balance(path, topic_column, tickets)
    return tickets


def _content(path: Path) -> bytes:
    """Returns the file's bytes, read once for both the digest and the parser."""
    try:
        with path.open("rb") as file:
            # One byte more than allowed detects any longer file, even an endless one.
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise DatasetError(
            f"{path}: larger than {MAX_BYTES} bytes; train on a sample of the tickets"
        )
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise DatasetError(
            f"{path}, line {line}: contains a NUL byte; expected UTF-8 text"
        )
    return content


def _rows(path: Path, text: str, names: tuple[str, str]) -> Iterator[tuple[str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        positions = _positions(path, header, names)
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if len(row) != len(header):
                problem = f"{len(row)} values for {len(header)} columns"
                raise DatasetError(f"{where}: {problem}")
            first, second = (row[position] for position in positions)
            yield _ticket(where, names, first, second)
    except csv.Error as error:
        where = f"{path}, line {reader.line_num}"
        raise DatasetError(f"{where}: invalid CSV: {error}") from error


def _positions(path: Path, header: list[str], names: tuple[str, str]) -> list[int]:
    if not header:
        raise DatasetError(f"{path}: the first line is empty; expected column names")
    for name in names:
        if header.count(name) != 1:
            problem = "duplicate column" if name in header else "no column"
            found = textwrap.shorten(", ".join(header), MAX_COLUMN_LIST)
            raise DatasetError(f"{path}: {problem} {name!r}; the columns are: {found}")
    return [header.index(name) for name in names]


def _ticket(
    where: str, names: tuple[str, str], text: str, topic: str
) -> tuple[str, str]:
    text_column, topic_column = names
    cleaned, topic = clean(text), topic.strip()
    if not cleaned:
        raise DatasetError(f"{where}: {text_column} contains no letters")
    if topic not in TOPICS:
        # Shortened: a missing quote can put a whole text where the topic belongs.
        known, shown = ", ".join(TOPICS), reprlib.repr(topic)
        raise DatasetError(
            f"{where}: unknown {topic_column} {shown}; expected one of: {known}"
        )
    return cleaned, topic


def _check_balance(path: Path, topic_column: str, tickets: Tickets) -> None:
    counts = tickets.per_topic
    if len(counts) < 2:
        (only,) = counts
        raise DatasetError(
            f"{path}: every ticket has the {topic_column} {only!r}; "
            "training needs two or more topics"
        )
    for topic, count in counts.items():
        if count < MIN_PER_TOPIC:
            raise DatasetError(
                f"{path}: {topic_column} {topic!r} has {count} different tickets; "
                f"cross-validation needs at least {MIN_PER_TOPIC}"
            )
