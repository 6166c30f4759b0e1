"""Reading of CSV files, and the errors for files unfit for training."""

import hashlib
import os
import re
from pathlib import Path

import pytest

from callcenterai_svm import dataset
from callcenterai_svm.dataset import read_tickets
from callcenterai_svm.errors import DatasetError
from callcenterai_svm.topics import TOPICS

HEADER = "Document,Topic_group\n"
THINGS = ("disk", "share", "folder", "backup", "archive", "mailbox", "quota")
STORAGE = "".join(f"my {thing} is full,Storage\n" for thing in THINGS)
ACCESS = "".join(f"no key to my {thing},Access\n" for thing in THINGS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path to which a test writes its tickets."""
    return tmp_path / "tickets.csv"


def test_sample_has_fifty_tickets_of_each_topic(tickets_csv: Path) -> None:
    """Every line of the sample is read, and none is a duplicate or disputed."""
    tickets = read_tickets(tickets_csv)
    assert tickets.per_topic == dict.fromkeys(sorted(TOPICS), 50)
    assert tickets.repeated == tickets.disputed == 0


def test_texts_are_cleaned_and_keep_their_topics(path: Path) -> None:
    """Columns are found by name, in any order and among others."""
    rows = (f"1,Storage, My {thing.upper()} #2\n" for thing in THINGS)
    more = (f"2,Access,Key of {thing}\n" for thing in THINGS)
    path.write_text("id,Topic_group,Document\n" + "".join([*rows, *more]))
    tickets = read_tickets(path)
    assert tickets.texts[0] == "my disk"
    assert tickets.topics == ("Storage",) * 7 + ("Access",) * 7


def test_columns_may_have_other_names(path: Path) -> None:
    """The columns given by the caller are read instead of the default ones."""
    path.write_text("text,label,Document\n" + (STORAGE + ACCESS).replace("\n", ",x\n"))
    assert len(read_tickets(path, "text", "label").texts) == 14


def test_byte_order_mark_is_ignored(path: Path) -> None:
    """A byte order mark, as spreadsheets write it, is not part of the first column."""
    path.write_text(HEADER + STORAGE + ACCESS, encoding="utf-8-sig")
    assert len(read_tickets(path).texts) == 14


def test_digest_is_that_of_the_file(path: Path) -> None:
    """The digest is that of the file's bytes, including a byte order mark."""
    path.write_text(HEADER + STORAGE + ACCESS, encoding="utf-8-sig")
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_tickets(path).digest == expected


def test_duplicate_ticket_counts_once(path: Path) -> None:
    """Tickets with the same cleaned text and topic count once and are reported."""
    path.write_text(HEADER + STORAGE + STORAGE.replace("disk", " DISK 2") + ACCESS)
    tickets = read_tickets(path)
    assert tickets.per_topic == {"Access": 7, "Storage": 7}
    assert tickets.repeated == 7


def test_disputed_ticket_keeps_each_topic(path: Path) -> None:
    """A text with two topics is kept once with each of them."""
    disputed = "my disk is full,Access\n"
    path.write_text(HEADER + STORAGE + ACCESS + disputed * 2)
    tickets = read_tickets(path)
    assert tickets.per_topic == {"Access": 8, "Storage": 7}
    assert (tickets.disputed, tickets.repeated) == (1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the first line is empty"),
        (HEADER, ": no tickets after the header"),
        (
            "text,Topic_group\n",
            ": no column 'Document'; the columns are: text, Topic_group",
        ),
        (
            "Document,topic\n",
            ": no column 'Topic_group'; the columns are: Document, topic",
        ),
        ("Document,Topic_group,Document\n", ": duplicate column 'Document'"),
        (HEADER + STORAGE + "  ,Storage\n", ", line 9: Document contains no letters"),
        (
            HEADER + STORAGE + "4711!,Storage\n",
            ", line 9: Document contains no letters",
        ),
        (HEADER + STORAGE + "\n" + ACCESS, ", line 9: 0 values for 2 columns"),
        (HEADER + ",\n", ", line 2: Document contains no letters"),
        (HEADER + "no disk\n", ", line 2: 1 values for 2 columns"),
        (HEADER + "no, disk,Storage\n", ", line 2: 3 values for 2 columns"),
        (
            HEADER + "no disk,Weather\n",
            ", line 2: unknown Topic_group 'Weather'; expected one of: Access",
        ),
        (
            HEADER + "no disk,\n",
            ", line 2: unknown Topic_group ''; expected one of: Access",
        ),
        (HEADER + "a," + "long" * 99 + "\n", ", line 2: unknown Topic_group 'longlong"),
        (HEADER + STORAGE, ": every ticket has the Topic_group 'Storage'"),
        (
            HEADER + STORAGE + "no key,Access\n",
            ": Topic_group 'Access' has 1 different",
        ),
        (HEADER + '"no end', ", line 2: invalid CSV: unexpected end of data"),
        (HEADER + "no\0disk,Storage\n", ", line 2: contains a NUL byte"),
        (
            HEADER + "a" * 200_000 + ",Storage\n",
            ", line 2: invalid CSV: field larger than",
        ),
    ],
)
def test_unusable_file_is_rejected_in_one_line(
    path: Path, content: str, message: str
) -> None:
    """The one-line error names the file, and the line or the column at fault."""
    path.write_text(content)
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        read_tickets(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 400


def test_other_encoding_is_rejected(path: Path) -> None:
    """A file that is not UTF-8 is rejected instead of being misread."""
    path.write_bytes("Document,Topic_group\nbüro,Storage\n".encode("latin-1"))
    with pytest.raises(DatasetError, match="invalid UTF-8"):
        read_tickets(path)


def test_file_over_the_limit_is_rejected(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of exactly ``MAX_BYTES`` is read, and one byte more is rejected."""
    path.write_text(HEADER + STORAGE + ACCESS)
    monkeypatch.setattr(dataset, "MAX_BYTES", path.stat().st_size)
    assert len(read_tickets(path).texts) == 14
    with path.open("a") as lines:
        lines.write("\n")
    with pytest.raises(DatasetError, match=f"larger than {dataset.MAX_BYTES} bytes"):
        read_tickets(path)


def test_file_of_100_mb_is_rejected(path: Path) -> None:
    """A sparse file of 100 MB is rejected by its size, before it is parsed."""
    path.touch()
    os.truncate(path, 100_000_000)
    with pytest.raises(DatasetError, match="larger than 33554432 bytes"):
        read_tickets(path)


def test_missing_file_and_folder_are_rejected(path: Path, tmp_path: Path) -> None:
    """The error for a missing file or a folder is the operating system's."""
    with pytest.raises(DatasetError, match="No such file"):
        read_tickets(path)
    with pytest.raises(DatasetError, match="Is a directory"):
        read_tickets(tmp_path)
