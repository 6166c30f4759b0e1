"""The n-grams of a text, and the cache of words."""

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

# Some words and pairs, and every character n-gram, of two letters.
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
    """A vocabulary with an empty cache."""
    return Vocabulary(WORDS, CHARACTERS)


def ngrams(text: str) -> Iterator[str]:
    """The n-grams that scikit-learn finds in a text."""
    words = CountVectorizer(
        preprocessor=clean, tokenizer=str.split, token_pattern=None, ngram_range=(1, 2)
    )
    characters = CountVectorizer(
        preprocessor=clean, analyzer="char_wb", ngram_range=(3, 5)
    )
    yield from (f"words:{ngram}" for ngram in words.build_analyzer()(text))
    yield from (f"characters:{ngram}" for ngram in characters.build_analyzer()(text))


INDICES = {
    **{f"words:{ngram}": n for n, ngram in enumerate(WORDS, 1)},
    **{f"characters:{ngram}": n for n, ngram in enumerate(CHARACTERS, EMPTY[1] + 1)},
}


@given(texts)
@example("a")
@example("ab ab ab")
@example("abababab" * 100)
def test_ngrams_equal_those_of_scikit_learn(text: str) -> None:
    """A text has the known n-grams that scikit-learn finds, each as often."""
    expected = [INDICES[ngram] for ngram in ngrams(text) if ngram in INDICES]
    known = Vocabulary(WORDS, CHARACTERS)
    assert known.indices(text).tolist() == sorted([*EMPTY, *expected])


def test_text_of_unknown_words_has_only_the_empty_ngrams(known: Vocabulary) -> None:
    """A text without known words has only the two empty n-grams."""
    for text in ("", "!", "xyz", "日本語"):
        assert known.indices(text).tolist() == EMPTY


def test_word_is_cached(known: Vocabulary) -> None:
    """A cached word gives the same indices again."""
    first, second = known.indices("ab ba ab"), known.indices("ab ba ab")
    assert first.tolist() == second.tolist()
    assert sorted(known._cache) == ["ab", "ba"]


def test_long_word_is_not_cached(known: Vocabulary) -> None:
    """Words up to the maximum length are cached, longer ones are not."""
    longest = "ab" * (vocabulary.MAX_CACHED_WORD_LENGTH // 2)
    for word in (longest, longest + "a"):
        assert len(known.indices(word)) > 2 * len(word)
    assert list(known._cache) == [longest]


def test_cache_is_bounded(known: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full cache is cleared before it takes another word."""
    monkeypatch.setattr(vocabulary, "MAX_CACHED_WORDS", 3)
    for word in ("a", "b", "ab", "ba", "bb"):
        known.indices(word)
        assert word in known._cache
        assert len(known._cache) <= 3


def test_threads_can_share_a_cache(
    known: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads get the right indices even while they clear one another's entries."""
    monkeypatch.setattr(vocabulary, "MAX_CACHED_WORDS", 2)
    text = "a b ab ba aab c abba"
    expected = known.indices(text).tolist()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(known.indices, [text] * 400))
    assert all(indices.tolist() == expected for indices in found)
