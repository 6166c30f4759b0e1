"""The comments of a manifest, at their places, and the texts that look like comments and are none."""

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

from stage_ci.rules.manifest.parse import scan
from stage_ci.rules.manifest.text import ManifestText

_COMMENT: Final = re.compile(r"#[^\r\n]*")
# A block scalar's header and text are one token, and a comment may follow the header:
# https://yaml.org/spec/1.2.2/#811-block-scalar-headers
_HEADER: Final = re.compile(r"[|>][^ \t\r\n]*(?:[ \t]+(#[^\r\n]*))?[^\r\n]*")
# Behind other text or, in a text of several lines, at the start of a line.
_TEXT_COMMENT: Final = re.compile(r"(?<=[ \t\r\n])#[^\r\n]*")
_WITHOUT_CONTENT: Final = (StreamStartToken, DirectiveToken, DocumentStartToken, DocumentEndToken, StreamEndToken)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment at its place in the manifest.

    Args:
        text: Its text, without the ``#`` and the whitespace around it.
        start: Its position.
        line: Its line, counted from 1.
        applies_to: Its own line, or the next line with content if it is alone on its line.
        heads_file: Whether it is above all content of the file.
        heads_document: Whether it is above all content of a document.
        is_text: Whether it is part of a block scalar or a quoted scalar, so that for YAML it is no comment.
    """

    text: str
    start: int
    line: int
    applies_to: int
    heads_file: bool = False
    heads_document: bool = False
    is_text: bool = False


def read_comments(manifest: ManifestText) -> Iterator[Comment]:
    """Yield the comments of a manifest that is valid YAML, and what looks like a comment within a text."""
    # Only whitespace, line breaks and comments can be between two tokens, so a `#` inside a scalar is never a comment.
    previous: Token | None = None
    heads_file, heads_document = True, True
    for token in scan(manifest):
        if previous is not None:
            yield from _comments_between(manifest, previous, token, file=heads_file, document=heads_document)
        if isinstance(token, ScalarToken) and not token.plain:
            yield from _comments_of(manifest, token)
        heads_document = isinstance(token, _WITHOUT_CONTENT)
        heads_file = heads_file and heads_document
        previous = token


def _comments_of(manifest: ManifestText, token: ScalarToken) -> Iterator[Comment]:
    start, line = token.start_mark.index, token.start_mark.line + 1
    header = _HEADER.match(manifest.text, start) if token.style in ("|", ">") else None
    if header and header[1]:
        yield Comment(_comment_text(header[1]), header.start(1), line, line)
    start, done = header.end() if header else start + 1, start
    for found in _TEXT_COMMENT.finditer(manifest.text, start, token.end_mark.index):
        line, done = line + manifest.count_newlines(done, found.start()), found.start()
        yield Comment(_comment_text(found[0]), found.start(), line, line, is_text=True)


def _comments_between(
    manifest: ManifestText, previous: Token, token: Token, *, file: bool, document: bool
) -> Iterator[Comment]:
    start, end = previous.end_mark.index, token.start_mark.index
    line = previous.end_mark.line + 1
    alone = previous.end_mark.column == 0
    for found in _COMMENT.finditer(manifest.text, start, end):
        newlines = manifest.count_newlines(start, found.start())
        start, line, alone = found.start(), line + newlines, alone or newlines > 0
        applies_to = token.start_mark.line + 1 if alone else line
        yield Comment(_comment_text(found[0]), start, line, applies_to, file, document)


def _comment_text(comment: str) -> str:
    return comment.removeprefix("#").strip(" \t")
