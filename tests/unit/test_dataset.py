"""Which CSV files can be trained on, and what the others are told."""

import re
from pathlib import Path

import pytest

from callcenterai_svm.dataset import read_tickets
from callcenterai_svm.errors import DatasetError
from callcenterai_svm.topics import TOPICS

HEADER = "Document,Topic_group\n"
STORAGE = "".join(f"disk {number} is full,Storage\n" for number in range(7))
ACCESS = "".join(f"password {number} expired,Access\n" for number in range(7))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test writes its tickets."""
    return tmp_path / "tickets.csv"


def test_sample_has_fifty_tickets_of_each_topic(tickets_csv: Path) -> None:
    """No line of the shipped sample is lost or repeated."""
    assert read_tickets(tickets_csv).per_topic == dict.fromkeys(sorted(TOPICS), 50)


def test_texts_are_cleaned_and_keep_their_topics(path: Path) -> None:
    """Columns are found by name, whatever their order and company."""
    rows = (f"{number},Storage, Disk {number}\n" for number in range(7))
    more = (f"{number},Access,Key {number}\n" for number in range(7))
    path.write_text("id,Topic_group,Document\n" + "".join([*rows, *more]))
    tickets = read_tickets(path)
    assert tickets.texts[0] == "disk 0"
    assert tickets.topics == ("Storage",) * 7 + ("Access",) * 7


def test_byte_order_mark_is_no_part_of_the_first_column(path: Path) -> None:
    """Spreadsheet programs write one."""
    path.write_text(HEADER + STORAGE + ACCESS, encoding="utf-8-sig")
    assert len(read_tickets(path).texts) == 14


def test_repeated_ticket_counts_once(path: Path) -> None:
    """Else it would be trained on in one fold and tested on in another."""
    path.write_text(HEADER + STORAGE + STORAGE.replace("disk", " DISK") + ACCESS)
    assert read_tickets(path).per_topic == {"Access": 7, "Storage": 7}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        (HEADER, "no tickets below the header"),
        (
            "text,Topic_group\n",
            "no column 'Document'; the columns are: text, Topic_group",
        ),
        (
            "Document,topic\n",
            "no column 'Topic_group'; the columns are: Document, topic",
        ),
        (HEADER + STORAGE + "  ,Storage\n", "line 9: Document is blank"),
        (
            HEADER + "no disk,Weather\n",
            "line 2: Topic_group 'Weather' is none of: Access",
        ),
        (HEADER + "no disk\n", "line 2: Topic_group '' is none of: Access"),
        (HEADER + STORAGE, "every ticket has the Topic_group 'Storage'"),
        (HEADER + STORAGE + "no key,Access\n", "'Access' has 1 different tickets"),
        (HEADER + '"no end', "not a UTF-8 CSV file: unexpected end of data"),
    ],
)
def test_unusable_file_is_refused_in_one_line(
    path: Path, content: str, message: str
) -> None:
    """The line names the file, and the column or the line of the file."""
    path.write_text(content)
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        read_tickets(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_other_encoding_is_refused(path: Path) -> None:
    """Read as something else, its words would be wrong without a word."""
    path.write_bytes("Document,Topic_group\nbüro,Storage\n".encode("latin-1"))
    with pytest.raises(DatasetError, match="not a UTF-8 CSV file"):
        read_tickets(path)


def test_missing_file_is_refused(path: Path) -> None:
    """With the system's own reason."""
    with pytest.raises(DatasetError, match="No such file"):
        read_tickets(path)
