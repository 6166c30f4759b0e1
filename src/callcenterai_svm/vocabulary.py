"""From a text to the numbers of the n-grams that it holds.

An n-gram is a word, a pair of neighbouring words, or three to five characters of a word
with a blank at either end. All but the pairs depend on one word alone, so a word is taken
apart once and remembered: a text is then little more than one look-up a word.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat
from struct import Struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .topics import words as words_of

Numbers = NDArray[np.int32]

LENGTHS: Final = (3, 4, 5)
"""Characters of an n-gram inside a word."""

NUMBER: Final = Struct("=i")
"""A number as it lies in an array: joined bytes are the fastest way to a short one."""

# What is remembered: more words than a company's tickets have, and longer ones. A client
# that makes up words can fill 20 MB.
MOST_WORDS: Final = 1 << 15
LONGEST_WORD: Final = 32


class Vocabulary:
    """Known n-grams, and the number of each.

    Two n-grams are in every text: the empty one before the words, number 0, and the empty
    one before the characters. In sorted numbers they show where a part begins, and that it
    is there when nothing in it is known.

    Args:
        words: Words, and pairs of words with a blank between; their numbers begin with 1.
        characters: Characters of words; their numbers follow behind the empty one's.
    """

    def __init__(self, words: Sequence[str], characters: Sequence[str]) -> None:
        numbered = _numbered(words, 1)
        self._pairs = {
            tuple(ngram.split(" ")): number
            for ngram, number in numbered.items()
            if " " in ngram
        }
        behind = 1 + len(words)
        self._inside = _InsideWords(numbered, _numbered(characters, behind + 1))
        self._empty = NUMBER.pack(0) + NUMBER.pack(behind)

    def numbers(self, text: str) -> Numbers:
        """Returns the number of each known n-gram, as often as it occurs, sorted."""
        words = words_of(text)
        inside = map(self._inside.__getitem__, words)
        between = map(self._pairs.get, pairwise(words), repeat(b""))
        found = self._empty + b"".join(inside) + b"".join(between)
        return np.sort(np.frombuffer(found, np.int32))


class _InsideWords(dict[str, bytes]):
    """The numbers of a word and of its characters, worked out when first asked for.

    Threads may share it: whichever comes second works out the same once more.
    """

    def __init__(self, words: dict[str, bytes], characters: dict[str, bytes]) -> None:
        super().__init__()
        self._words = words
        self._characters = characters

    def __missing__(self, word: str) -> bytes:
        characters = map(self._characters.get, _characters(word), repeat(b""))
        found = self._words.get(word, b"") + b"".join(characters)
        if len(word) <= LONGEST_WORD:
            if len(self) >= MOST_WORDS:
                self.clear()
            self[word] = found
        return found


def _characters(word: str) -> Iterator[str]:
    """Yields what the analyzer ``char_wb`` of scikit-learn makes of a word."""
    padded = f" {word} "
    for length in LENGTHS:
        for start in range(len(padded) - length + 1):
            yield padded[start : start + length]


def _numbered(ngrams: Sequence[str], first: int) -> dict[str, bytes]:
    return {ngram: NUMBER.pack(n) for n, ngram in enumerate(ngrams, first)}
