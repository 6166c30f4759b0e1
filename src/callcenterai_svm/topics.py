"""The eight topics a ticket can have, and the form of text that the model sees."""

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
    """Maps a character to itself, if it is a letter, and to a blank otherwise.

    ``str.translate`` with it is three times as fast as a regular expression. What lies
    beyond the first plane of Unicode is not remembered: it is rare, and would fill memory.
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
    """Returns the runs of letters, in lower case: all that the model sees of a text.

    >>> words("Re: 2nd laptop\\n DEAD!")
    ['re', 'nd', 'laptop', 'dead']
    """
    return text.lower().translate(LETTERS).split()


def clean(text: str) -> str:
    """Returns the words of a text with one blank between them.

    >>> clean("Re: 2nd laptop\\n DEAD!")
    're nd laptop dead'
    """
    return " ".join(words(text))
