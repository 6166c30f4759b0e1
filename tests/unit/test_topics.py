"""The topics, and the normalisation of texts."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenterai_svm.topics import TOPICS, clean, words

# Word characters except digits and "_", as a regular expression.
LETTERS = re.compile(r"[^\W\d_]+")

ANYTHING = st.text(st.characters())


def test_there_are_eight_topics() -> None:
    """There are eight different topics."""
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
def test_clean_keeps_lower_case_words(text: str, cleaned: str) -> None:
    """Cleaning keeps the words in lower case, joined by single spaces."""
    assert clean(text) == cleaned


def test_every_character_is_a_letter_or_separates_words() -> None:
    """Each of the 1,114,112 code points is classified as the regular expression does."""
    every = " ".join(map(chr, range(sys.maxunicode + 1)))
    assert words(every) == LETTERS.findall(every.lower())


@given(ANYTHING)
def test_words_are_runs_of_letters(text: str) -> None:
    """The words of any text are its runs of letters in lower case."""
    assert words(text) == LETTERS.findall(text.lower())


@given(ANYTHING)
def test_cleaning_is_idempotent(text: str) -> None:
    """Cleaning a clean text changes nothing: the dataset and the pipeline both clean."""
    assert clean(clean(text)) == clean(text)
