"""The comments of a manifest, and which line each of them speaks of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ruamel.yaml.tokens import (
    DirectiveToken,
    DocumentEndToken,
    DocumentStartToken,
    ScalarToken,
    StreamEndToken,
    StreamStartToken,
    Token,
)

from stage_ci.rules.manifest.reading import scan
from stage_ci.rules.manifest.source import Source

_COMMENT: Final = re.compile(r"#[^\r\n]*")
# YAML 1.2.2, section 8.1.1: a comment may follow the header of a block scalar, which is one token with its text.
_HEADER: Final = re.compile(r"[|>][^ \t\r\n]*[ \t]+(#[^\r\n]*)")
_AROUND: Final = (StreamStartToken, DirectiveToken, DocumentStartToken, DocumentEndToken, StreamEndToken)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment where it stands.

    Args:
        text: What it says, without the ``#`` and the blanks around.
        start: Its position.
        line: Its line, counted from 1.
        about: The line it speaks of: its own, or the next with content if it stands alone.
        heads_file: Whether it stands above all content of the file.
        heads_document: Whether it stands above all content of a document.
    """

    text: str
    start: int
    line: int
    about: int
    heads_file: bool = False
    heads_document: bool = False


def comments(source: Source) -> Iterator[Comment]:
    """Yield the comments of a manifest in the order of the text.

    What lies between two tokens is blanks, line breaks and comments, whatever a scalar holds.

    Raises:
        InvalidManifest: if the manifest is no YAML.
    """
    former: Token | None = None
    file, document = True, True
    for token in scan(source):
        if former is not None:
            yield from _between(source, former, token, file=file, document=document)
        if isinstance(token, ScalarToken) and (header := _HEADER.match(source.text, token.start_mark.index)):
            line = token.start_mark.line + 1
            yield Comment(_text(header[1]), header.start(1), line, line)
        document = isinstance(token, _AROUND)
        file = file and document
        former = token


def _between(source: Source, former: Token, token: Token, *, file: bool, document: bool) -> Iterator[Comment]:
    start, end = former.end_mark.index, token.start_mark.index
    line = former.end_mark.line + 1
    alone = former.end_mark.column == 0
    for found in _COMMENT.finditer(source.text, start, end):
        breaks = source.breaks(start, found.start())
        start, line, alone = found.start(), line + breaks, alone or breaks > 0
        about = token.start_mark.line + 1 if alone else line
        yield Comment(_text(found[0]), start, line, about, file, document)


def _text(comment: str) -> str:
    return comment.removeprefix("#").strip(" \t")
