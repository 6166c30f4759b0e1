"""The patterns of paths in Trivy's list of ignored findings: https://pkg.go.dev/github.com/bmatcuk/doublestar/v4."""

import re
from typing import Final

# A class of characters, alternatives, or one character, which a backslash may escape. Behind folders of any depth.
_TOKENS: Final = re.compile(
    r"(?P<all>^\*\*$)|(?P<below>/\*\*$)|(?P<above>(?:^|(?<=/))\*\*/)|(?P<part>\*+)|(?P<one>\?)"
    r"|\[(?P<negated>[!^]?)(?P<members>(?:\\.|[^\]\\])+)\]|(?P<braces>\{[^{}]*\})|\\?(?P<character>.)",
    re.DOTALL,
)
_PIECES: Final = {"all": ".*", "below": "(?:/.*)?", "above": "(?:.*/)?", "part": "[^/]*", "one": "[^/]"}


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern as a regular expression for whole paths.

    Unlike in a shell, ``**`` as the name of a folder is any number of folders.

    >>> bool(compile_pattern("app/**/*.{jar,war}").fullmatch("app/lib/x.jar"))
    True

    Raises:
        ValueError: if a bracket or a brace has no end, or a range has no members.
    """
    try:
        return re.compile(_expression(pattern), re.DOTALL)
    except re.error as error:
        raise ValueError(pattern) from error


def _expression(pattern: str) -> str:
    return "".join(map(_piece, _TOKENS.finditer(pattern)))


def _piece(token: re.Match[str]) -> str:
    if members := token["members"]:
        text = re.sub(r"\\(.)", r"\1", members)
        return f"(?!/)[{token['negated'] and '^'}{''.join(each if each == '-' else re.escape(each) for each in text)}]"
    if braces := token["braces"]:
        return f"(?:{'|'.join(map(_expression, braces[1:-1].split(',')))})"
    if token[0] in ("[", "{"):
        raise ValueError(token[0])
    return _PIECES.get(token.lastgroup or "") or re.escape(token["character"])
