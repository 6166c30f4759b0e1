"""Manifest text to YAML tokens: where each begins and ends, and its value.

The scanner is ruamel.yaml's, extended with tabs between tokens, with a byte order mark at the start of each document,
and with bounds where ruamel.yaml takes time quadratic in the length of the text. The parser and the composer see only
tokens, so equal tokens in equal order make equal nodes.
"""

from typing import Any, Final, TypeAlias

from ruamel.yaml.scanner import Scanner, ScannerError
from ruamel.yaml.tokens import AliasToken, AnchorToken, DirectiveToken, ScalarToken, TagToken, Token

# The kind and value of a token. CPython's garbage collector stops tracking tuples of text and numbers, which keeps the
# many tokens of a long manifest cheap.
TokenValue: TypeAlias = tuple[object, ...]

# Tags in real manifests have a tenth of this length; ruamel.yaml reads a tag in time quadratic in its length.
MAX_TAG: Final = 256

_WITH_VALUE: Final = (AliasToken, AnchorToken, TagToken)
_LINE_ENDS: Final = "\0\r\n\x85\u2028\u2029"  # those of ruamel.yaml, which ends the text with a NUL


def token_value(token: Token) -> TokenValue:
    """Return the kind and the value of a token, without its position."""
    kind = type(token).__name__
    if isinstance(token, ScalarToken):
        return kind, token.value, token.plain, token.style
    if isinstance(token, _WITH_VALUE):
        return kind, token.value
    return (kind, token.name, token.value) if isinstance(token, DirectiveToken) else (kind,)


class ManifestScanner(Scanner):
    """A scanner that accepts tabs and byte order marks where YAML allows them.

    A tab may separate the tokens of a line (https://yaml.org/spec/1.2.2/#62-separation-spaces) but not indent it
    (https://yaml.org/spec/1.2.2/#61-indentation-spaces). Like libyaml, the scanner treats a tab as indentation where a
    key of a block mapping could start.

    A byte order mark may start each document of a file (https://yaml.org/spec/1.2.2/#52-character-encodings). kubectl
    accepts one, because it splits the file at ``---`` before it parses the documents
    (https://github.com/kubernetes/apimachinery/blob/master/pkg/util/yaml/decoder.go).
    """

    def need_more_tokens(self) -> bool:
        """Return whether the next token can still change."""
        # The parser asks ten times per token, and most tokens cannot start a key, so the common answer comes first.
        return bool(super().need_more_tokens()) if self.possible_simple_keys or not self.tokens else False

    def scan_to_next_token(self) -> None:
        """Skip whitespace, line breaks and comments."""
        super().scan_to_next_token()
        while self.reader.peek() in "\t\ufeff" and self._at_separator():
            self.reader.forward()
            super().scan_to_next_token()

    def _at_separator(self) -> bool:
        if self.reader.peek() == "\t":
            return not self.allow_simple_key
        return self.reader.column == 0 and self.indent == -1 and not self.flow_level  # outside of any collection

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> Any:  # noqa: ANN401 - ruamel.yaml's own signature
        """Skip the whitespace between two words of a plain scalar, and return the text that it stands for."""
        if self.reader.peek() not in " \t":
            return super().scan_plain_spaces(indent, start_mark)
        length = 1
        while self.reader.peek(length) in " \t":
            length += 1
        blanks = self.reader.prefix(length)
        if "\t" not in blanks:
            return super().scan_plain_spaces(indent, start_mark)
        self.reader.forward(length)
        if self.reader.peek() in "\r\n":
            return super().scan_plain_spaces(indent, start_mark)
        return [blanks]

    def scan_tag_uri(self, name: Any, start_mark: Any) -> str:  # noqa: ANN401 - ruamel.yaml's own signature
        """Return the URI of a tag, or of a tag directive, without its prefix."""
        uri = str(super().scan_tag_uri(name, start_mark))
        if len(uri) > MAX_TAG:
            raise ScannerError(problem=f"a tag of more than {MAX_TAG} characters", problem_mark=start_mark)
        return uri

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> Any:  # noqa: ANN401 - ruamel.yaml's own signature
        """Skip the rest of a block scalar's header line."""
        # ruamel.yaml appends a comment character by character, in quadratic time; this skips it in one step.
        length = 0
        while self.reader.peek(length) == " ":
            length += 1
        if self.reader.peek(length) == "#":
            while self.reader.peek(length) not in _LINE_ENDS:
                length += 1
            self.reader.forward(length)
        return super().scan_block_scalar_ignored_line(start_mark)


class RecordingScanner(ManifestScanner):
    """A scanner that records the value of each token with the position at which the token ends.

    Args:
        template_lines: Gets the lines on which ``{{`` or ``{%`` opens a flow mapping, which only a template has: YAML
            reads ``{{ x }}`` as a mapping whose key is a mapping, and braces within text as text.
        loader: The YAML object that makes the scanner.
    """

    def __init__(self, template_lines: list[int], loader: Any = None) -> None:  # noqa: ANN401 - as ruamel.yaml
        self.recorded: list[tuple[int, TokenValue]] = []
        self.template_lines = template_lines
        super().__init__(loader)

    def fetch_flow_mapping_start(self) -> None:
        """Add the token of ``{``."""
        if self.reader.peek(1) in "{%":
            self.template_lines.append(self.reader.line + 1)
        super().fetch_flow_mapping_start()

    def get_token(self) -> Any:  # noqa: ANN401 - ruamel.yaml's own signature
        """Record the next token and return it to the parser."""
        token = super().get_token()
        self.recorded.append((token.end_mark.index, token_value(token)))
        return token
