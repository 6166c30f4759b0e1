"""Texts of servers and tools as one short line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.one_line import last_line, one_line, shorten, shorten_middle


@pytest.mark.parametrize(
    ("text", "line"), [("", ""), ("\n \n", ""), ("one", "one"), ("one\n  two \n\n", "two"), ("a\r\nb\r\n", "b")]
)
def test_the_last_line_is_the_last_one_that_is_not_blank(text: str, line: str) -> None:
    """`last_line` skips blank lines at the end and strips the line that it returns."""
    assert last_line(text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("denied:\n\n  quota\t exceeded \r\n", "denied: quota exceeded"),
        ("\x1b[1;31mdenied\x1b[0m", "denied"),
        ("\x1b]0;title\x07denied\x1b(B", "denied"),
        ("nul\x00bell\x07", "nul bell"),
        ("zu groß\u2028für dich", "zu groß für dich"),
        ("", ""),
    ],
)
def test_control_characters_are_left_out(text: str, line: str) -> None:
    """Colours and titles of a terminal disappear; each other run of control characters and blanks is one blank."""
    assert one_line(text) == line


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    """The line has neither a control character nor blanks around it."""
    line = one_line(text)
    assert line.isprintable()
    assert line == line.strip()


def test_a_text_is_shortened_at_its_end_or_in_its_middle() -> None:
    """A text within the limit stays, a longer one gets an ellipsis."""
    assert [shorten("abcdef", 6), shorten("abcdefg", 6)] == ["abcdef", "abcde…"]
    assert [shorten_middle("abcdef", 6), shorten_middle("abcdefg", 6)] == ["abcdef", "abc … efg"]
