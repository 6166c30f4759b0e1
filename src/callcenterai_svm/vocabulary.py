"""Maps a text to the indices of the n-grams that it contains.

An n-gram is a word, a pair of adjacent words, or three to five characters of a word that
is padded with a space at either end. All but the pairs depend on a single word, so the
n-grams of a word are computed once and cached; after that, a text takes little more than
one look-up per word.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .topics import words as words_of

NgramIndices = NDArray[np.int32]

CHARACTER_NGRAM_LENGTHS: Final = (3, 4, 5)
"""Characters of an n-gram inside a word."""

INDEX: Final = Struct("=i")
"""One index as an array stores it; joining bytes is the fastest way to a short array."""

# Bounds of the cache: more words than a company's tickets have, and longer ones. Made-up
# words can fill it with 20 MB at most.
MAX_CACHED_WORDS: Final = 1 << 15
MAX_CACHED_WORD_LENGTH: Final = 32


class Vocabulary:
    """The known n-grams and the index of each.

    Every text contains two empty n-grams: one before the words, with index 0, and one
    before the characters. In the sorted indices they mark where the words and the
    characters begin, even if none of them is known.

    Args:
        words: Words, and pairs of words joined by a space; their indices begin with 1.
        characters: Character n-grams; their indices follow the second empty n-gram's.
    """

    def __init__(self, words: Sequence[str], characters: Sequence[str]) -> None:
        indexed = _index(words, 1)
        self._pairs = {
            tuple(ngram.split(" ")): index
            for ngram, index in indexed.items()
            if " " in ngram
        }
        next_index = 1 + len(words)
        self._cache = _WordCache(indexed, _index(characters, next_index + 1))
        self._empty = INDEX.pack(0) + INDEX.pack(next_index)

    def indices(self, text: str) -> NgramIndices:
        """Returns the sorted indices of all known n-grams, once per occurrence."""
        words = words_of(text)
        single = map(self._cache.__getitem__, words)
        pairs = map(self._pairs.get, pairwise(words), repeat(b""))
        found = self._empty + b"".join(single) + b"".join(pairs)
        return np.sort(np.frombuffer(found, np.int32))


class _WordCache(dict[str, bytes]):
    """The indices of a word and of its character n-grams, computed on first use.

    Threads may share a cache: at worst, two of them compute the same entry.
    """

    def __init__(self, words: dict[str, bytes], characters: dict[str, bytes]) -> None:
        super().__init__()
        self._words = words
        self._characters = characters

    def __missing__(self, word: str) -> bytes:
        characters = map(self._characters.get, _character_ngrams(word), repeat(b""))
        found = self._words.get(word, b"") + b"".join(characters)
        if len(word) <= MAX_CACHED_WORD_LENGTH:
            if len(self) >= MAX_CACHED_WORDS:
                self.clear()
            self[word] = found
        return found


def _character_ngrams(word: str) -> Iterator[str]:
    """Yields the n-grams of scikit-learn's ``char_wb`` analyzer for a word."""
    padded = f" {word} "
    for length in CHARACTER_NGRAM_LENGTHS:
        for start in range(len(padded) - length + 1):
            yield padded[start : start + length]


def _index(ngrams: Sequence[str], first: int) -> dict[str, bytes]:
    return {ngram: INDEX.pack(index) for index, ngram in enumerate(ngrams, first)}
