r"""The text of a requirement file: its encoding, its lines, and the credentials in its URLs.

Rules: https://pip.pypa.io/en/stable/reference/requirements-file-format/, and pip's _internal/req/req_file.py.
"""

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Final

from stage_ci.errors import InvalidInput

# That of UTF-32 begins like that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# PEP 263, which pip applies to the first two lines.
_CODING: Final = re.compile(rb"\s*#.*?coding[:=]\s*([-\w.]+)")
_COMMENT_LINE: Final = re.compile(r"\s*#")
_COMMENT: Final = re.compile(r"(?:^|\s+)#.*")
# What is before the host in a URL, and its query, which may be a signature.
_USER: Final = re.compile(r"(?<=://)[^/\s\"'?#]+(?=@)")
_QUERY: Final = re.compile(r"(?<=\?)(?!\$\{)[^\s#\"']+")
_URL: Final = re.compile(r"://[^\s\"']+")  # without its scheme
_VARIABLE: Final = "STAGE_CI_URL_{}"


def is_exact(text: str) -> bool:
    """Return whether the engine replaced nothing when it read a file as UTF-8."""
    return "\ufffd" not in text


def decode(path: str, data: bytes) -> str:
    """Return the text of a requirement file.

    pip reads a byte order mark and a coding cookie. UTF-16 without a mark is recognized by its null bytes, and what is
    not UTF-8 is taken for Windows-1252 or Latin-1, whose characters occur in comments.

    Args:
        path: The path of the file, for the error.
        data: Its content.

    Raises:
        InvalidInput: if the content is not in the encoding that the file announces.
    """
    mark, encoding = next((known for known in _MARKS if data.startswith(known[0])), (b"", ""))
    try:
        return data.removeprefix(mark).decode(encoding or _encoding(data))
    except UnicodeDecodeError as error:
        raise _undecodable(path, f"is not valid {error.encoding}") from error
    except (LookupError, UnicodeError) as error:  # the latter from a codec such as "undefined"
        raise _undecodable(path, "is in an unknown encoding") from error


def _undecodable(path: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{path} {reason}", step="source", remedy="save it as UTF-8")


def _encoding(data: bytes) -> str:
    for line in data.splitlines()[:2]:
        if found := _CODING.match(line):
            return found[1].decode()
    if b"\0" in data:
        return "utf-16-be" if data[::2].count(0) > data[1::2].count(0) else "utf-16-le"
    for encoding in ("utf-8", "cp1252"):  # the latter first, because a byte of its … ends a line in Latin-1
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield the number and the text of each line that says something: continuations joined, comments removed.

    >>> list(logical_lines("# base\nnumpy>=2 \\\n    --hash=sha256:00  # no wheel\n"))
    [(2, 'numpy>=2     --hash=sha256:00')]
    """
    parts: list[str] = []
    first = 1
    for number, line in enumerate([*text.splitlines(), ""], 1):
        first = first if parts else number
        is_comment = _COMMENT_LINE.match(line)
        if line.endswith("\\") and not is_comment:
            parts.append(line.strip("\\"))
            continue
        joined = _COMMENT.sub("", "".join([*parts, f" {line}" if is_comment else line])).strip()
        if joined:
            yield first, joined
        parts = []


def hide_credentials(texts: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts with variables for the credentials in their URLs, and the values of the variables.

    uv and pip replace ``${NAME}`` in requirement files by the variable of that name.

    Args:
        texts: The texts by path.
    """
    names: dict[str, str] = {}

    def variable(value: str) -> str:
        if not value or value.startswith("${"):
            return value
        return "${" + names.setdefault(value, _VARIABLE.format(len(names) + 1)) + "}"

    def hide(url: re.Match[str]) -> str:
        hidden = _USER.sub(lambda user: ":".join(map(variable, user[0].split(":", 1))), url[0], count=1)
        return _QUERY.sub(lambda query: variable(query[0]), hidden, count=1)

    hidden = {path: _URL.sub(hide, text) for path, text in texts.items()}
    return hidden, {name: value for value, name in names.items()}
