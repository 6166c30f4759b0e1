"""The eight topics of a ticket, and the text normalisation before the model."""

from typing import Final, Literal, get_args

Topic = Literal[
    "Access",
    "Administrative rights",
    "HR Support",
    "Hardware",
    "Internal Project",
    "Miscellaneous",
    "Purchase",
    "Storage",
]

TOPICS: Final[tuple[Topic, ...]] = get_args(Topic)


class _Letters(dict[int, int]):
    """Maps each letter to itself and every other character to a space.

    ``str.translate`` with this table is three times as fast as a regular expression.
    Characters beyond the Basic Multilingual Plane are not cached: they are rare, and
    caching them would let clients fill the memory.
    """

    def __missing__(self, code: int) -> int:
        character = chr(code)
        letter = character.isalnum() and not character.isdecimal()
        kept = code if letter else ord(" ")
        if code <= 0xFFFF:
            self[code] = kept
        return kept


LETTERS: Final = _Letters()


def words(text: str) -> list[str]:
    """Returns the runs of letters in lower case; the model sees nothing else of a text.

    >>> words("Re: 2nd laptop\\n DEAD!")
    ['re', 'nd', 'laptop', 'dead']
    """
    return text.lower().translate(LETTERS).split()


def clean(text: str) -> str:
    """Returns the words of a text, joined by single spaces.

    >>> clean("Re: 2nd laptop\\n DEAD!")
    're nd laptop dead'
    """
    return " ".join(words(text))
