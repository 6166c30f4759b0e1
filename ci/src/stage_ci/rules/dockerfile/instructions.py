"""The instructions of a Dockerfile: continued lines, comments, parser directives and here-documents.

Rules: https://docs.docker.com/reference/dockerfile/#parser-directives and #here-documents, and BuildKit's
parser/parser.go.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from stage_ci.errors import InvalidInput
from stage_ci.rules.dockerfile import words

_DIRECTIVE: Final = re.compile(r"(?:#|//)\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES: Final = ("syntax", "escape", "check")
_HEREDOC: Final = re.compile(r"\d*<<(-?)([^<]+)")
_SEPARATED: Final = re.compile(r"\d*<<(-?)")
# The end of a here-document that can be no instruction or comment, and so be read in one way only.
_PLAIN_END: Final = re.compile(r"[^\s#]\S*")
# The instructions that may have here-documents.
_WITH_HEREDOCS: Final = ("ADD", "COPY", "RUN")
_BLANKS: Final = re.compile(r"[\t\v\f\r ]+")
_FLAG: Final = re.compile(r"--((?:\"[^\"]*\"|'[^']*'|\\.|\S)*)\s*")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        name: Its name in upper case.
        flags: Its flags, such as ``--from=build``, without quotes.
        arguments: The rest of its lines, joined, without here-documents.
    """

    name: str
    flags: tuple[str, ...]
    arguments: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the instruction in ``text``, whose lines are joined."""
        name, *rest = _BLANKS.split(text.strip(), maxsplit=1)
        arguments, flags = rest[0] if rest else "", []
        while found := _FLAG.match(arguments):
            arguments = arguments[found.end() :]
            if not found[1]:
                break
            flags.append(re.sub(r"\\(.)|[\"']", r"\1", f"--{found[1]}"))
        return cls(name.upper(), tuple(flags), arguments.strip())

    @property
    def json(self) -> list[str] | None:
        """The arguments as a JSON array of texts; None if they are none."""
        try:
            found = json.loads(self.arguments) if self.arguments.startswith("[") else None
        except (ValueError, RecursionError):
            return None
        is_list = isinstance(found, list) and all(isinstance(text, str) for text in found)
        return found if is_list else None


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A parsed Dockerfile.

    Attributes:
        syntax: The image of the frontend that builds it, from ``# syntax=``; empty for that of the engine.
        escape: The escape character.
        instructions: The instructions.
    """

    syntax: str
    escape: str
    instructions: tuple[Instruction, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the instructions of ``text``.

        Raises:
            InvalidInput: if a here-document has no end, or one that some versions of BuildKit read as an instruction.
        """
        text = text.removeprefix("\ufeff")
        lines = text.split("\n")
        # The frontend is chosen without a first line with #!, and also by // syntax=.
        head = lines[text.startswith("#!") :]
        syntax = _directives(head, "#").get("syntax") or _directives(head, "//").get("syntax", "")
        escape = _directives([line.lstrip() for line in lines], "#").get("escape", "\\")
        return cls(syntax.partition(" ")[0], escape, tuple(_instructions(lines, escape)))


def _directives(lines: Sequence[str], comment: str) -> dict[str, str]:
    """Return the parser directives, which end at the first line that is none."""
    found: dict[str, str] = {}
    for line in lines:
        match = _DIRECTIVE.fullmatch(line)
        if not match or not line.startswith(comment) or match[1].lower() not in _DIRECTIVES:
            break
        found[match[1].lower()] = match[2]
    return found


def _instructions(lines: Sequence[str], escape: str) -> Iterator[Instruction]:
    # An escape character behind another one does not continue the line.
    continued = re.compile(rf"(?<!{re.escape(escape)}){re.escape(escape)}[ \t]*$")
    numbered = enumerate(lines, 1)
    for number, first in numbered:
        at = number
        line = "" if _is_comment(first) else first.strip("\r").lstrip()
        text, count = continued.subn("", line)
        while count and (following := next(numbered, None)):
            at, line = following[0], following[1].rstrip("\r")
            if not _is_comment(line) and line.strip():
                line, count = continued.subn("", line)
                text += line
        if not text.strip():
            continue
        instruction = Instruction.parse(text)
        for document in _heredocs(instruction, text):
            end = next((place for place in range(at, len(lines)) if document.is_end(lines[place])), None)
            if end is not None:
                document.raise_if_ambiguous(number)
                while at <= end:
                    at, _ = next(numbered)
            elif not document.is_separated:
                raise InvalidInput(
                    f"the Dockerfile's here-document {document.name[:40]!r} on line {number} has no end",
                    step="build",
                    remedy="write its end alone on a line, or quote the <<",
                )
        yield instruction


@dataclass(frozen=True, slots=True)
class _HereDocument:
    """A here-document that an instruction opens.

    Attributes:
        name: The line that ends it.
        dash: A dash if tabs before that line do not count.
        is_separated: Whether a blank stands before the name. Older versions of BuildKit, such as that of Dagger 0.19,
            then read no here-document, but instructions, and fail at the line that ends it; newer ones fail without
            such a line. So each file is built by those versions alone that read it as it is read here.
    """

    name: str
    dash: str
    is_separated: bool

    def is_end(self, line: str) -> bool:
        """Return whether a line ends it."""
        line = line.rstrip("\r")
        return (line.lstrip("\t") if self.dash else line) == self.name

    def raise_if_ambiguous(self, number: int) -> None:
        """Raise if all versions of BuildKit may build the file, but read it in two ways.

        Args:
            number: The number of the instruction's line.

        Raises:
            InvalidInput: names the line.
        """
        if self.is_separated and not _PLAIN_END.fullmatch(self.name):
            raise InvalidInput(
                f"the Dockerfile's << on line {number} has a blank behind it, which not every BuildKit reads alike",
                step="build",
                remedy="write a here-document as <<EOF, and quote any other <<",
            )


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _heredocs(instruction: Instruction, text: str) -> Iterator[_HereDocument]:
    if instruction.name == "ONBUILD":
        instruction = Instruction.parse(instruction.arguments)
    if instruction.name not in _WITH_HEREDOCS or instruction.json is not None or "<<" not in text:
        return
    for word, following in pairwise([*words.split(text), ""]):
        separated = _SEPARATED.fullmatch(word)
        found = separated or _HEREDOC.fullmatch(word)
        if not found or (separated and "<" in following):
            continue
        try:
            names = words.unquote(following if separated else found[2])
        except words.WordError:
            continue
        if len(names) == 1:
            yield _HereDocument(names[0], found[1], separated is not None)
