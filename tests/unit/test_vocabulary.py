"""Which n-grams a text holds, and what of it is remembered."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from callcenterai_svm import vocabulary
from callcenterai_svm.topics import clean
from callcenterai_svm.vocabulary import Vocabulary

# Every n-gram that can be made of two letters, and room for what is unknown in a text.
LETTERS = "ab"
WORDS = sorted({"a", "b", "ab", "ba", "a a", "a ab", "ab ba", "b a"})
CHARACTERS = sorted(
    "".join(letters)
    for length in (3, 4, 5)
    for letters in product(*[[" ", *LETTERS]] * length)
    if "".join(letters).strip() and " " not in "".join(letters).strip()
)

EMPTY = [0, 1 + len(WORDS)]

texts = st.text(st.sampled_from(LETTERS + "c .")) | st.text(st.characters())


@pytest.fixture
def known() -> Vocabulary:
    """One that has not seen a text yet."""
    return Vocabulary(WORDS, CHARACTERS)


def ngrams(text: str) -> Iterator[str]:
    """What scikit-learn finds in a text."""
    words = CountVectorizer(
        preprocessor=clean, tokenizer=str.split, token_pattern=None, ngram_range=(1, 2)
    )
    characters = CountVectorizer(
        preprocessor=clean, analyzer="char_wb", ngram_range=(3, 5)
    )
    yield from (f"words:{ngram}" for ngram in words.build_analyzer()(text))
    yield from (f"characters:{ngram}" for ngram in characters.build_analyzer()(text))


NUMBERS = {
    **{f"words:{ngram}": n for n, ngram in enumerate(WORDS, 1)},
    **{f"characters:{ngram}": n for n, ngram in enumerate(CHARACTERS, EMPTY[1] + 1)},
}


@given(texts)
@example("a")
@example("ab ab ab")
@example("abababab" * 100)
def test_ngrams_are_those_of_scikit_learn(text: str) -> None:
    """Each as often as it occurs there."""
    found = [NUMBERS[ngram] for ngram in ngrams(text) if ngram in NUMBERS]
    known = Vocabulary(WORDS, CHARACTERS)
    assert known.numbers(text).tolist() == sorted([*EMPTY, *found])


def test_text_of_unknown_words_has_the_empty_ngrams(known: Vocabulary) -> None:
    """And so has one without a word."""
    for text in ("", "!", "xyz", "日本語"):
        assert known.numbers(text).tolist() == EMPTY


def test_a_word_is_taken_apart_once(known: Vocabulary) -> None:
    """It gives the same numbers when it is remembered."""
    first, second = known.numbers("ab ba ab"), known.numbers("ab ba ab")
    assert first.tolist() == second.tolist()
    assert sorted(known._inside) == ["ab", "ba"]


def test_a_long_word_is_not_remembered(known: Vocabulary) -> None:
    """Whoever makes one up makes many."""
    longest = "ab" * (vocabulary.LONGEST_WORD // 2)
    for word in (longest, longest + "a"):
        assert len(known.numbers(word)) > 2 * len(word)
    assert list(known._inside) == [longest]


def test_memory_is_bounded(known: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is full, it begins anew."""
    monkeypatch.setattr(vocabulary, "MOST_WORDS", 3)
    for word in ("a", "b", "ab", "ba", "bb"):
        known.numbers(word)
        assert word in known._inside
        assert len(known._inside) <= 3


def test_threads_share_one(known: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when what one remembers is thrown away by another."""
    monkeypatch.setattr(vocabulary, "MOST_WORDS", 2)
    text = "a b ab ba aab c abba"
    expected = known.numbers(text).tolist()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(known.numbers, [text] * 400))
    assert all(numbers.tolist() == expected for numbers in found)
