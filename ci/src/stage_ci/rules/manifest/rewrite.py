"""Replaces the characters of references within their scalars, and verifies that an edit changed nothing else."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile, zip_longest
from typing import Final

from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import implicit_resolvers
from ruamel.yaml.tokens import ScalarToken

from stage_ci.errors import InvalidManifest
from stage_ci.rules.manifest.mentions import WORD
from stage_ci.rules.manifest.nodes import STRING, content, line_of, start_of
from stage_ci.rules.manifest.parse import ParsedManifest, scan
from stage_ci.rules.manifest.scanner import TokenValue, token_value
from stage_ci.rules.manifest.sites import ImageReferenceSite
from stage_ci.rules.manifest.text import ManifestText
from stage_ci.rules.reference import Reference

# An anchor and a tag precede the content, and comments and line breaks may follow them:
# https://yaml.org/spec/1.2.2/#69-node-properties
_PROPERTIES: Final = r"(?:[&!][^ \t\r\n]*|[ \t\r\n]+|#[^\r\n]*)*+"
# The characters from the start of a scalar to the first that is not whitespace, by the scalar's style:
# https://yaml.org/spec/1.2.2/#73-flow-scalar-styles and https://yaml.org/spec/1.2.2/#811-block-scalar-headers
_OPENINGS: Final = {
    None: re.compile(_PROPERTIES),
    "'": re.compile(_PROPERTIES + r"'[ \t\r\n]*"),
    '"': re.compile(_PROPERTIES + r'"[ \t\r\n]*'),
    "|": re.compile(_PROPERTIES + r"\|[^\r\n]*[ \t\r\n]*"),
    ">": re.compile(_PROPERTIES + r">[^\r\n]*[ \t\r\n]*"),
}
# One character of a double-quoted reference: a character code, the slash that JSON may escape, or an unescaped
# character (https://yaml.org/spec/1.2.2/#57-escaped-characters), after any escaped line breaks, which stand for nothing
# (https://yaml.org/spec/1.2.2/#731-double-quoted-style).
_ESCAPED_CHARACTER: Final = re.compile(
    r"(?:\\(?:\r\n?|\n)[ \t]*)*(\\x([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})|\\(/)|([^\\]))"
)
_REPORT: Final = "nothing was written; please report this manifest"
_CHANGES_MORE: Final = "the edit would change more than the image"


@dataclass(frozen=True, slots=True)
class Splice:
    """Text that replaces the characters from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def character_positions(manifest: ManifestText, scalar: ScalarNode, text: str, offset: int = 0) -> Sequence[int]:
    """Return the position in the manifest of each character of ``text``, then the position after the last one.

    Args:
        manifest: The manifest.
        scalar: The scalar whose content, without surrounding whitespace, has ``text`` at ``offset``.
        text: A reference, or a part of one; it contains no whitespace.
        offset: The position of the text in the content; if it is not 0, the text is the end of a word.

    Raises:
        InvalidManifest: if the scalar uses escape sequences that a reference does not need.
    """
    opening = _OPENINGS[scalar.style].match(manifest.text, start_of(scalar))
    start = opening.end() if opening else start_of(scalar)
    if offset:
        start = _word_start(manifest, scalar, text, offset, start)
    if manifest.text.startswith(text, start):
        return range(start, start + len(text) + 1)
    return _escaped_positions(manifest, scalar, text, start)


def make_splice(manifest: ManifestText, scalar: ScalarNode, old: str, new: str, offset: int = 0) -> Splice:
    """Return the splice that turns a scalar's ``old`` text into ``new``; it starts at the first different character.

    Raises:
        InvalidManifest: if the characters of ``old`` cannot be located, or span a line break.
    """
    positions = character_positions(manifest, scalar, old, offset)
    kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    if manifest.count_newlines(positions[kept], positions[-1]):
        raise _escape_error(manifest, scalar, old)
    return Splice(positions[kept], positions[-1], new[kept:])


def replace_parts(scalar: ScalarNode, parts: Mapping[int, tuple[str, str]]) -> str:
    """Return a scalar's value with parts of its content replaced.

    Args:
        scalar: The scalar.
        parts: The old and the new text of each part, by its position in the content.
    """
    value, pieces = str(scalar.value), []
    first = value.index(content(scalar))
    done = 0
    for offset, (old, new) in sorted(parts.items()):
        pieces += [value[done : first + offset], new]
        done = first + offset + len(old)
    return "".join([*pieces, value[done:]])


def apply_splices(manifest: ManifestText, splices: Iterable[Splice]) -> ManifestText:
    """Return the manifest after the splices, which are given in the order of the text."""
    pieces, done = [], 0
    for splice in splices:
        pieces += [manifest.text[done : splice.start], splice.text]
        done = splice.end
    return ManifestText(manifest.filename, "".join([*pieces, manifest.text[done:]]))


def verify_edit(
    before: ManifestText,
    parsed: ParsedManifest,
    after: ManifestText,
    splices: Iterable[Splice],
    intended: Sequence[tuple[ScalarNode, str]],
) -> None:
    """Raise if the edit changed anything but the intended scalars.

    Args:
        before: The manifest before the edit.
        parsed: Its nodes and tokens.
        after: The manifest after the edit.
        splices: The replaced characters, in the order of the text.
        intended: Each scalar to change, with its new text.

    Raises:
        InvalidManifest: if a character outside the splices changed, if the edited text is not valid YAML, if a new
            text is not a YAML string, or if a token other than the intended scalars changed.
    """
    if not _same_outside(before.text, after.text, splices):
        raise before.error("the edit would change text around the image", remedy=_REPORT)
    for node, text in intended:
        if not _is_string(node, text):
            raise before.error(_CHANGES_MORE, line=line_of(node), remedy=_REPORT)
    texts = {node.end_mark.index: text for node, text in intended}
    for recorded, token in zip_longest(parsed.tokens, scan(after)):
        if not (recorded and token and _expected_value(recorded, texts) == token_value(token)):
            line = token.start_mark.line + 1 if token else None
            raise before.error(_CHANGES_MORE, line=line, remedy=_REPORT)


def verify_reading(
    manifest: ManifestText,
    intended: Iterable[tuple[ScalarNode, str]],
    replacements: Iterable[tuple[ImageReferenceSite, Reference]],
) -> None:
    """Raise if the edited scalars, read again, are not the new references.

    Args:
        manifest: The manifest.
        intended: Each scalar to change, with its new text; its node gets this text.
        replacements: Each reference with its new form.

    Raises:
        InvalidManifest: if a place reads differently, so that a report of the change would be wrong.
    """
    for node, text in intended:
        node.value = text
    for site, reference in replacements:
        if site.read() != reference:
            raise manifest.error(
                f"the edit of {site.path} would read differently", line=line_of(site.node), remedy=_REPORT
            )


def _word_start(manifest: ManifestText, scalar: ScalarNode, text: str, offset: int, start: int) -> int:
    """Return the position of a text that ends a word, by counting words: whitespace may differ in the manifest."""
    words = WORD.findall(content(scalar), 0, offset + len(text))
    end = int(scalar.end_mark.index)
    if words != WORD.findall(manifest.text, start, end)[: len(words)]:
        raise _escape_error(manifest, scalar, text)
    spelled = next(islice(WORD.finditer(manifest.text, start, end), len(words) - 1, None))
    return spelled.end() - len(text)


def _escaped_positions(manifest: ManifestText, scalar: ScalarNode, text: str, start: int) -> Sequence[int]:
    starts, end = [], start
    for character in text:
        found = _ESCAPED_CHARACTER.match(manifest.text, end)
        code = found and (found[2] or found[3] or found[4])
        if found is None or character != (chr(int(code, 16)) if code else found[5] or found[6]):
            raise _escape_error(manifest, scalar, text)
        starts.append(found.start(1))
        end = found.end()
    return [*starts, end]


def _escape_error(manifest: ManifestText, scalar: ScalarNode, text: str) -> InvalidManifest:
    cause = f"{text} is written with escape sequences"
    return manifest.error(cause, line=line_of(scalar), remedy="write it without them")


def _same_outside(before: str, after: str, splices: Iterable[Splice]) -> bool:
    kept_before, kept_after = [], []
    done, shift = 0, 0
    for splice in splices:
        kept_before.append(before[done : splice.start])
        kept_after.append(after[done + shift : splice.start + shift])
        shift += len(splice.text) - (splice.end - splice.start)
        done = splice.end
    return [*kept_before, before[done:]] == [*kept_after, after[done + shift :]]


def _expected_value(recorded: tuple[int, TokenValue], texts: Mapping[int, str]) -> TokenValue:
    end, value = recorded
    # A token without width, such as the end of a block, can end at the same position as a scalar.
    if end not in texts or value[0] != ScalarToken.__name__:
        return value
    kind, _, *form = value
    return kind, texts[end], *form


def _is_string(node: ScalarNode, text: str) -> bool:
    """Return whether ``text`` in place of a scalar is a YAML string, and not a number, a boolean or null."""
    has_tag = node.ctag.handle is not None
    if has_tag or node.style is not None:
        return bool(node.tag == STRING)
    # The rules of YAML 1.1 and 1.2: Kubernetes' tools parse a mix of both (https://github.com/kubernetes-sigs/yaml).
    return not any(text[0] in (first or text) and rule.match(text) for _, _, rule, first in implicit_resolvers)
