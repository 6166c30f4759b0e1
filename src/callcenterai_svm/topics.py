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


def clean(text: str) -> str:
    """Returns the text in lower case, each run of white space as one blank.

    >>> clean("  Laptop\\n DEAD ")
    'laptop dead'
    """
    return " ".join(text.lower().split())
