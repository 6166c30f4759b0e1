"""The form of text that the model sees."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenterai_svm.topics import TOPICS, clean, words

# Letters as a regular expression says it: what is of a word, but no digit and no "_".
LETTERS = re.compile(r"[^\W\d_]+")

ANYTHING = st.text(st.characters())


def test_there_are_eight_topics() -> None:
    """The eight of the ticket set, each once."""
    assert len(set(TOPICS)) == 8


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\tMy  LAPTOP\r\nis\u00a0Dead! ", "my laptop is dead"),
        ("v2_final: 10.0.0.7 (see INC0042)", "v final see inc"),
        ("Straße, ÉTÉ, пароль, 日本語", "straße été пароль 日本語"),
        ("don\u2019t e\u0301te\u0301", "don t e te"),
        ("\u0130zmir", "i zmir"),
        ("a\x00b\ud800c", "a b c"),
        (" 42 \U0001f600 _", ""),
    ],
    ids="case numbers languages marks two-characters no-text no-letters".split(),
)
def test_only_words_in_lower_case_are_left(text: str, cleaned: str) -> None:
    """With one blank between them, whatever stood there."""
    assert clean(text) == cleaned


def test_every_character_is_a_letter_or_parts_words() -> None:
    """Of the 1,114,112 that there are, as in a regular expression."""
    every = " ".join(map(chr, range(sys.maxunicode + 1)))
    assert words(every) == LETTERS.findall(every.lower())


@given(ANYTHING)
def test_words_are_runs_of_letters(text: str) -> None:
    """Of the text in lower case."""
    assert words(text) == LETTERS.findall(text.lower())


@given(ANYTHING)
def test_clean_text_stays_as_it_is(text: str) -> None:
    """Training cleans tickets, and the pipeline that learns from them cleans again."""
    assert clean(clean(text)) == clean(text)
