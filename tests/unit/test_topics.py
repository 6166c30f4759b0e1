"""The form of text that the model sees."""

from callcenterai_svm.topics import TOPICS, clean


def test_there_are_eight_topics() -> None:
    """The eight of the ticket set, each once."""
    assert len(set(TOPICS)) == 8


def test_clean_lowers_case_and_collapses_white_space() -> None:
    """Tabs, line breaks and no-break spaces count as white space."""
    assert clean("\tMy  LAPTOP\r\nis\u00a0Dead ") == "my laptop is dead"
