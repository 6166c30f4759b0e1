"""Words, quotes and variables of a Dockerfile.

Rules: https://docs.docker.com/reference/dockerfile/#environment-replacement, and BuildKit's shell/lex.go.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

# A number, a name, or one of the special parameters of POSIX, 2.5.2.
_NAME: Final = re.compile(r"[0-9]+|\w+|[@*#?$!-]")
_MAX_DEPTH: Final = 100  # of substitutions in substitutions; no Dockerfile has more than a few


class WordError(Exception):
    """A quote or a brace is not closed, or a substitution is not supported."""


def split(text: str, escape: str = "\\") -> list[str]:
    """Return the words of ``text`` with their quotes, escapes and variables; none if a quote is not closed."""
    try:
        return _Lexer(text, {}, escape, keeps_quotes=True, keeps_escapes=True, keeps_unset=True).read()[1]
    except WordError:
        return []


def unquote(word: str) -> list[str]:
    """Return the words that ``word`` is without its quotes and escapes.

    Raises:
        WordError: if a quote is not closed.
    """
    return _Lexer(word, {}, "\\", keeps_unset=True).read()[1]


def substitute(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """Return ``text`` without quotes, and with the values of its variables; one that is not set is empty.

    Raises:
        WordError: if a quote or a brace is not closed, or a substitution is not supported or fails.
    """
    return _Lexer(text, variables, escape).read()[0]


@dataclass
class _Text:
    """Text that is being read: all of it, and its words."""

    whole: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    word: str = ""

    def add(self, text: str, *, is_quoted: bool = False) -> None:
        """Add ``text``, whose blanks separate words unless it is quoted."""
        self.whole.append(text)
        if is_quoted:
            self.word += text
            return
        for character in text:
            if character.isspace():
                self.end_word()
            else:
                self.word += character

    def end_word(self) -> None:
        """End the word that is being read."""
        self.words += [self.word] if self.word else []
        self.word = ""


@dataclass
class _Lexer:
    """Reads text once, from its beginning to its end.

    Attributes:
        text: The text.
        variables: The values of the variables.
        escape: The escape character.
        keeps_quotes: Whether quotes stay in the result.
        keeps_escapes: Whether escape characters stay in the result.
        keeps_unset: Whether a variable without a value stays as it is written, instead of becoming empty.
    """

    text: str
    variables: Mapping[str, str]
    escape: str
    keeps_quotes: bool = False
    keeps_escapes: bool = False
    keeps_unset: bool = False
    _at: int = 0
    _depth: int = 0
    _is_nested: bool = False

    def read(self, stop: str = "") -> tuple[str, list[str]]:
        """Return the text up to ``stop``, as a whole and in words."""
        found = _Text()
        while character := self._next():
            if character == stop:
                break
            if character in "$'\"":
                self._is_nested = False
                piece = self._variable() if character == "$" else self._quoted(character)
                # BuildKit reads an argument such as that of ${x:-y} into the same buffer as the word around it.
                found.word = "" if self._is_nested else found.word
                found.add(piece, is_quoted=character != "$")
            elif character == self.escape:
                found.add((character if self.keeps_escapes else "") + self._next(), is_quoted=True)
            else:
                found.add(character)
        else:
            if stop:
                raise WordError(f"{stop} is missing")
        found.end_word()
        return "".join(found.whole), found.words

    def _next(self) -> str:
        """Return the next character and move behind it; empty at the end."""
        self._at += 1
        return self.text[self._at - 1 : self._at]

    def _peek(self) -> str:
        return self.text[self._at : self._at + 1]

    def _quoted(self, quote: str) -> str:
        found = quote if self.keeps_quotes else ""
        while character := self._next():
            if character == quote:
                return found + (quote if self.keeps_quotes else "")
            if quote == '"' and character == "$":
                found += self._variable()
            elif quote == '"' and character == self.escape:
                found += character if self.keeps_escapes else ""
                found += self._next() if self._peek() in ('"', "$", self.escape) else character
            else:
                found += character
        raise WordError(f"a quote {quote} is not closed")

    def _variable(self) -> str:
        if self._peek() != "{":
            name = self._name()
            return self._value(name, f"${name}") if name else "$"
        start = self._at - 1
        self._next()
        if self._peek() in ("{", "}", ":"):
            raise WordError("${ without a name")
        name = self._name()
        operator = self._next()
        if operator == ":":
            operator += self._next()
        if operator not in ("}", "-", ":-", "+", ":+", "?", ":?", "#", "%", "/"):
            raise WordError(f"${{{name}{operator} is not a substitution")
        if operator == "}":
            return self._value(name, self.text[start : self._at])
        word = self._argument(operator, "}" if operator != "/" else "/")
        replacement = self._argument(operator, "}") if operator == "/" else ""
        if self.keeps_unset and name not in self.variables:
            return self.text[start : self._at]
        return _apply(operator, self.variables.get(name), word, replacement)

    def _argument(self, operator: str, stop: str) -> str:
        """Return the text up to ``stop``; a pattern keeps its escapes."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise WordError(f"more than {_MAX_DEPTH} substitutions in one another")
        kept, self.keeps_escapes = self.keeps_escapes, operator in ("#", "%", "/")
        if operator == "/" and stop == "/" and self._peek() == "/":  # ${name//pattern/text} replaces all
            self._next()
            word = f"/{self.read(stop)[0]}"
        else:
            word = self.read(stop)[0]
        self.keeps_escapes = kept
        self._is_nested = True
        self._depth -= 1
        return word

    def _value(self, name: str, written: str) -> str:
        return self.variables.get(name, written if self.keeps_unset else "")

    def _name(self) -> str:
        found = _NAME.match(self.text, self._at)
        self._at += len(found[0]) if found else 0
        return found[0] if found else ""


def _apply(operator: str, value: str | None, word: str, replacement: str) -> str:
    """Return a variable's value after a substitution: https://docs.docker.com/reference/dockerfile/#environment-replacement.

    Raises:
        WordError: if the substitution demands a value and there is none.
    """
    is_set = bool(value) if operator.startswith(":") else value is not None
    match operator[-1]:
        case "-":
            return value if is_set and value is not None else word
        case "+":
            return word if is_set else ""
        case "?" if not is_set:
            raise WordError(word or "a variable is not set")
        case "#" | "%":
            return _trim(value or "", word, at_the_end=operator == "%")
        case "/":
            replaces_all = word.startswith("/")
            pattern = _pattern(word.removeprefix("/"), is_greedy=True)
            return re.sub(pattern, lambda _: replacement, value or "", count=0 if replaces_all else 1)
    return value or ""


def _trim(value: str, pattern: str, *, at_the_end: bool) -> str:
    """Remove the shortest beginning or end that matches ``pattern``; a doubled operator removes the longest."""
    operator = "%" if at_the_end else "#"
    is_greedy = pattern.startswith(operator)
    wanted = re.compile(_pattern(pattern[is_greedy:], is_greedy=is_greedy))
    ends = range(len(value) + 1)
    cuts = reversed(ends) if is_greedy is not at_the_end else ends
    for cut in cuts:
        removed, kept = (value[cut:], value[:cut]) if at_the_end else (value[:cut], value[cut:])
        if wanted.fullmatch(removed):
            return kept
    return value


def _pattern(text: str, *, is_greedy: bool) -> str:
    """Return a shell pattern, in which ? is one character and * any number, as a regular expression.

    Raises:
        WordError: if it escapes a character that has no meaning of its own.
    """
    star = ".*" if is_greedy else ".*?"
    parts = re.findall(r"\\?.", text, re.DOTALL)
    if unknown := [part for part in parts if len(part) > 1 and part[1] not in "*?\\}/"]:
        raise WordError(f"{unknown[0]} in a pattern is not an escape")
    return "".join({"*": star, "?": "."}.get(part) or re.escape(part[-1]) for part in parts)
