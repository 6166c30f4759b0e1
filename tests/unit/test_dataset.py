"""Which CSV files can be trained on, and what the others are told."""

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
    """Where a test writes its tickets."""
    return tmp_path / "tickets.csv"


def test_sample_has_fifty_tickets_of_each_topic(tickets_csv: Path) -> None:
    """No line of the shipped sample is lost, repeated or disputed."""
    tickets = read_tickets(tickets_csv)
    assert tickets.per_topic == dict.fromkeys(sorted(TOPICS), 50)
    assert tickets.repeated == tickets.disputed == 0


def test_texts_are_cleaned_and_keep_their_topics(path: Path) -> None:
    """Columns are found by name, whatever their order and company."""
    rows = (f"1,Storage, My {thing.upper()} #2\n" for thing in THINGS)
    more = (f"2,Access,Key of {thing}\n" for thing in THINGS)
    path.write_text("id,Topic_group,Document\n" + "".join([*rows, *more]))
    tickets = read_tickets(path)
    assert tickets.texts[0] == "my disk"
    assert tickets.topics == ("Storage",) * 7 + ("Access",) * 7


def test_columns_may_have_other_names(path: Path) -> None:
    """The names that are given, not those of the public data set."""
    path.write_text("text,label,Document\n" + (STORAGE + ACCESS).replace("\n", ",x\n"))
    assert len(read_tickets(path, "text", "label").texts) == 14


def test_byte_order_mark_is_no_part_of_the_first_column(path: Path) -> None:
    """Spreadsheet programs write one."""
    path.write_text(HEADER + STORAGE + ACCESS, encoding="utf-8-sig")
    assert len(read_tickets(path).texts) == 14


def test_digest_is_that_of_the_file(path: Path) -> None:
    """Of its bytes, not of what was made of them."""
    path.write_text(HEADER + STORAGE + ACCESS, encoding="utf-8-sig")
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_tickets(path).digest == expected


def test_repeated_ticket_counts_once(path: Path) -> None:
    """Else it would be trained on in one fold and tested on in another."""
    path.write_text(HEADER + STORAGE + STORAGE.replace("disk", " DISK 2") + ACCESS)
    tickets = read_tickets(path)
    assert tickets.per_topic == {"Access": 7, "Storage": 7}
    assert tickets.repeated == 7


def test_disputed_ticket_keeps_each_topic(path: Path) -> None:
    """Once; which of them is right is not for a reader of files to say."""
    disputed = "my disk is full,Access\n"
    path.write_text(HEADER + STORAGE + ACCESS + disputed * 2)
    tickets = read_tickets(path)
    assert tickets.per_topic == {"Access": 8, "Storage": 7}
    assert (tickets.disputed, tickets.repeated) == (1, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ": the first line is empty"),
        (HEADER, ": no tickets below the header"),
        (
            "text,Topic_group\n",
            ": no column 'Document'; the columns are: text, Topic_group",
        ),
        (
            "Document,topic\n",
            ": no column 'Topic_group'; the columns are: Document, topic",
        ),
        ("Document,Topic_group,Document\n", ": two columns 'Document'"),
        (HEADER + STORAGE + "  ,Storage\n", ", line 9: Document holds no letter"),
        (HEADER + STORAGE + "4711!,Storage\n", ", line 9: Document holds no letter"),
        (HEADER + STORAGE + "\n" + ACCESS, ", line 9: values: 0, columns: 2"),
        (HEADER + ",\n", ", line 2: Document holds no letter"),
        (HEADER + "no disk\n", ", line 2: values: 1, columns: 2"),
        (HEADER + "no, disk,Storage\n", ", line 2: values: 3, columns: 2"),
        (
            HEADER + "no disk,Weather\n",
            ", line 2: Topic_group 'Weather' is none of: Access",
        ),
        (HEADER + "no disk,\n", ", line 2: Topic_group '' is none of: Access"),
        (HEADER + "a," + "long" * 99 + "\n", ", line 2: Topic_group 'longlonglong"),
        (HEADER + STORAGE, ": every ticket has the Topic_group 'Storage'"),
        (
            HEADER + STORAGE + "no key,Access\n",
            ": Topic_group 'Access' has 1 different",
        ),
        (HEADER + '"no end', ", line 2: not CSV: unexpected end of data"),
        (HEADER + "no\0disk,Storage\n", ", line 2: a NUL byte"),
        (HEADER + "a" * 200_000 + ",Storage\n", ", line 2: not CSV: field larger than"),
    ],
)
def test_unusable_file_is_refused_in_one_line(
    path: Path, content: str, message: str
) -> None:
    """The line names the file, and the column or the line of the file."""
    path.write_text(content)
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        read_tickets(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 400


def test_other_encoding_is_refused(path: Path) -> None:
    """Read as something else, its words would be wrong without a word."""
    path.write_bytes("Document,Topic_group\nbüro,Storage\n".encode("latin-1"))
    with pytest.raises(DatasetError, match="not UTF-8"):
        read_tickets(path)


def test_too_large_file_is_refused_with_the_limit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the limit itself is read."""
    path.write_text(HEADER + STORAGE + ACCESS)
    monkeypatch.setattr(dataset, "MAX_BYTES", path.stat().st_size)
    assert len(read_tickets(path).texts) == 14
    with path.open("a") as lines:
        lines.write("\n")
    with pytest.raises(DatasetError, match=f"more than {dataset.MAX_BYTES} bytes"):
        read_tickets(path)


def test_file_of_100_mb_is_refused_unparsed(path: Path) -> None:
    """It is mostly holes; what it would hold does not matter."""
    path.touch()
    os.truncate(path, 100_000_000)
    with pytest.raises(DatasetError, match="more than 33554432 bytes"):
        read_tickets(path)


def test_missing_file_and_folder_are_refused(path: Path, tmp_path: Path) -> None:
    """With the system's own reason."""
    with pytest.raises(DatasetError, match="No such file"):
        read_tickets(path)
    with pytest.raises(DatasetError, match="Is a directory"):
        read_tickets(tmp_path)
