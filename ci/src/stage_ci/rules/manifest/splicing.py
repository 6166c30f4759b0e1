"""Exchanging the characters of a reference inside of its scalar, whatever the scalar's style."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from ruamel.yaml.nodes import ScalarNode

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest.nodes import line_of, start_of
from stage_ci.rules.manifest.source import Source

# YAML 1.2.2, section 6.9: an anchor and a tag come before the content, comments and line breaks may lie between.
_PROPERTIES: Final = r"(?:[&!][^ \t\r\n]*|[ \t\r\n]+|#[^\r\n]*)*+"
# What lies between the start of a scalar and its first character that is not blank: sections 7.3 and 8.1.1.
_OPENINGS: Final = {
    None: re.compile(_PROPERTIES),
    "'": re.compile(_PROPERTIES + r"'[ \t\r\n]*"),
    '"': re.compile(_PROPERTIES + r'"[ \t\r\n]*'),
    "|": re.compile(_PROPERTIES + r"\|[^\r\n]*[ \t\r\n]*"),
    ">": re.compile(_PROPERTIES + r">[^\r\n]*[ \t\r\n]*"),
}
# Section 5.7, as far as a reference can be written with it: the code of a character, the slash of JSON, and (section
# 7.3.1) a line break before it that stands for nothing. A character that needs no escape is the last alternative.
_ESCAPABLE: Final = re.compile(
    r"(?:\\(?:\r\n?|\n)[ \t]*)*(\\x([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\(/)|([^\\]))"
)


@dataclass(frozen=True, slots=True)
class Splice:
    """Text that takes the place of the characters from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def bounds(source: Source, scalar: ScalarNode, text: str) -> Sequence[int]:
    """Return where each character of ``text`` stands in the manifest, and where the last one ends.

    Args:
        source: The manifest.
        scalar: The scalar whose content, without the blanks around it, is ``text``.
        text: A reference, or a part of one: no blank in it.

    Raises:
        InvalidManifest: if the scalar spells it with escapes beyond those that a reference can need.
    """
    opening = _OPENINGS[scalar.style].match(source.text, start_of(scalar))
    start = opening.end() if opening else start_of(scalar)
    if source.text.startswith(text, start):
        return range(start, start + len(text) + 1)
    return _escaped(source, scalar, text, start)


def splice(source: Source, scalar: ScalarNode, old: str, new: str) -> Splice:
    """Return the splice that makes ``new`` of the scalar's ``old``, from the first character that differs.

    Raises:
        InvalidManifest: if ``old`` cannot be located, or a line ends amid what has to go.
    """
    at = bounds(source, scalar, old)
    kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    if source.breaks(at[kept], at[-1]):
        raise _refusal(source, scalar, old)
    return Splice(at[kept], at[-1], new[kept:])


def spliced(source: Source, splices: Iterable[Splice]) -> Source:
    """Return the manifest after the splices, which come in the order of the text."""
    pieces, done = [], 0
    for change in splices:
        pieces += [source.text[done : change.start], change.text]
        done = change.end
    return Source(source.filename, "".join([*pieces, source.text[done:]]))


def _escaped(source: Source, scalar: ScalarNode, text: str, start: int) -> Sequence[int]:
    starts, end = [], start
    for character in text:
        unit = _ESCAPABLE.match(source.text, end)
        code = unit and (unit[2] or unit[3] or unit[4])
        if unit is None or character != (chr(int(code, 16)) if code else unit[5] or unit[6]):
            raise _refusal(source, scalar, text)
        starts.append(unit.start(1))
        end = unit.end()
    return [*starts, end]


def _refusal(source: Source, scalar: ScalarNode, text: str) -> InvalidManifest:
    return source.refusal(f"{text} is written with escapes", line=line_of(scalar), remedy="write it without")
