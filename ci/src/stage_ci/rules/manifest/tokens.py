"""Manifest text to tokens: where each begins and ends, and what it says.

ruamel.yaml's own scanner; added here are tabs between tokens, and bounds where its time grows with the square of the
text. It knows nothing of nodes: the same tokens in the same order are the same nodes, since neither the parser nor the
composer looks at anything else.
"""

from typing import Any, Final, TypeAlias

from ruamel.yaml.scanner import Scanner, ScannerError
from ruamel.yaml.tokens import AliasToken, AnchorToken, DirectiveToken, ScalarToken, TagToken, Token

# Of text and numbers alone: such tuples cost Python's collector nothing, and a long manifest has many.
Said: TypeAlias = tuple[object, ...]

# Tags that people give are a tenth of it; ruamel.yaml takes a time for one that grows with the square of its length.
MAX_TAG: Final = 256

_WITH_VALUE: Final = (AliasToken, AnchorToken, TagToken)
_LINE_ENDS: Final = "\0\r\n\x85\u2028\u2029"  # as ruamel.yaml has it, the end of the text among them


def said(token: Token) -> Said:
    """Return what a token says, wherever it stands; its kind comes first."""
    kind = type(token).__name__
    if isinstance(token, ScalarToken):
        return kind, token.value, token.plain, token.style
    if isinstance(token, _WITH_VALUE):
        return kind, token.value
    return (kind, token.name, token.value) if isinstance(token, DirectiveToken) else (kind,)


class TabScanner(Scanner):
    """Tokens, and tabs between them where YAML allows them: within a line, never as indentation.

    YAML 1.2.2, sections 6.1 and 6.2. As in libyaml, a tab is indentation where a key of a block mapping could start.
    """

    def need_more_tokens(self) -> bool:
        """Return whether the next token is not settled yet."""
        # Asked ten times a token, and most often there is one that no key can begin with.
        return bool(super().need_more_tokens()) if self.possible_simple_keys or not self.tokens else False

    def scan_to_next_token(self) -> None:
        """Go over blanks, line breaks and comments."""
        super().scan_to_next_token()
        while self.reader.peek() == "\t" and not self.allow_simple_key:
            self.reader.forward()
            super().scan_to_next_token()

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> Any:  # noqa: ANN401 - ruamel.yaml's own signature
        """Go over what may lie between two words of a plain scalar; return what it stands for."""
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
        """Give a tag, or what a directive says of tags, without what is written before it."""
        uri = str(super().scan_tag_uri(name, start_mark))
        if len(uri) > MAX_TAG:
            raise ScannerError(problem=f"a tag of more than {MAX_TAG} characters", problem_mark=start_mark)
        return uri

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> Any:  # noqa: ANN401 - ruamel.yaml's own signature
        """Go over what follows a block scalar's header: the comment at once, not as text that grows bit by bit."""
        length = 0
        while self.reader.peek(length) == " ":
            length += 1
        if self.reader.peek(length) == "#":
            while self.reader.peek(length) not in _LINE_ENDS:
                length += 1
            self.reader.forward(length)
        return super().scan_block_scalar_ignored_line(start_mark)


class Recorder(TabScanner):
    """A scanner that keeps what its tokens said, each with the position at which it ended."""

    def __init__(self, loader: Any = None) -> None:  # noqa: ANN401 - ruamel.yaml's own signature
        self.record: list[tuple[int, Said]] = []
        super().__init__(loader)

    def get_token(self) -> Any:  # noqa: ANN401 - ruamel.yaml's own signature
        """Give the next token to the parser."""
        token = super().get_token()
        self.record.append((token.end_mark.index, said(token)))
        return token
