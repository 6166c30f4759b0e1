"""Values that are easy to find again, and the search for them in whatever form and archive they may lie in."""

import base64
import gzip
import html
import io
import json
import secrets
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, quote_plus

CREDENTIALS: Final = ("DOCKER_USERNAME", "DOCKER_PASSWORD", "TOKEN")
ENVIRONMENT: Final = ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "MODEL_URI", "EXPERIMENT_NAME")
SECRETS: Final = (*CREDENTIALS, *ENVIRONMENT)
KINDS: Final = ("plain", "newline", "metacharacters", "non-ASCII", "64 KiB")
LENGTH: Final = 64 * 1024  # of the long kind
PIECE: Final = 64  # bytes of a long value that tell something of it
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_GZIP: Final = b"\x1f\x8b"
_TAR: Final = b"ustar"  # at byte 257 of a header


def new_word() -> str:
    """Return a word that nobody else has; its letters are those whose two cases of hexadecimal differ."""
    return "".join(secrets.choice("jklmno") for _ in range(14))


def values(kind: str, word: str) -> dict[str, str]:
    """Return a value of ``kind`` for each secret argument; ``word`` is in all of them, and each differs.

    A user name cannot hold a colon in basic authentication, so none of them does.
    """
    return {secret: _value(kind, f"{word}{chr(ord('A') + place)}") for place, secret in enumerate(SECRETS)}


def _value(kind: str, mark: str) -> str:
    lines = "".join(f"{mark}{number:05}." for number in range(LENGTH // len(f"{mark}00000.") + 1))
    return {
        "plain": f"{mark}-value",
        "newline": f"{mark} one\n{mark} two\n",
        "metacharacters": f"-{mark}'\"${{HOME}}$(id)`id`#;&|<>*?~%+=/\\ {mark}\\",
        "non-ASCII": f"{mark} grüße, 日本語 🔑 {mark}é",
        "64 KiB": lines[:LENGTH],
    }[kind]


def forms(value: str) -> dict[str, set[bytes]]:
    """Return how a value may be spelt, by the name of the form."""
    raw = value.encode()
    texts = {
        "URL-encoded": {quote(value), quote(value, safe=""), quote_plus(value)},
        "hex": {raw.hex(), raw.hex().upper()},
        "JSON": {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]},
        "repr": {repr(value)[1:-1], ascii(value)[1:-1], repr(raw)[2:-1]},
        "XML": {html.escape(value), html.escape(value, quote=False)},
    }
    spelt = {name: {text.encode() for text in same} for name, same in texts.items()}
    whole = aligned(raw)
    return {"bytes": {raw}, "base64": whole, "base64url": {text.translate(_URL_SAFE) for text in whole}, **spelt}


def aligned(raw: bytes) -> set[bytes]:
    """Return the characters of base64 that ``raw`` alone decides, behind 0, 1 or 2 other bytes."""

    def behind(others: int) -> bytes:
        text = base64.b64encode(b"\0" * others + raw).rstrip(b"=")
        # A character that also holds bits of what stands before or behind is no part of it.
        end = len(text) - ((others + len(raw)) % 3 > 0)
        return text[-(-others * 4 // 3) : end]

    return {behind(others) for others in range(3)}


def pieces(value: str) -> list[str]:
    """Return pieces of a long value, from its beginning to its end; none of a short one."""
    last = len(value) - PIECE
    return [value[at : at + PIECE] for at in (0, last // 5, last // 2, last * 3 // 4, last)] if last > PIECE else []


def needles(given: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield everything that is looked for, with what to call it."""
    for secret, value in given.items():
        for part, text in [("", value), *(("a piece of ", piece) for piece in pieces(value))]:
            for form, spelt in forms(text).items():
                yield from ((f"{part}{secret} as {form}", needle) for needle in spelt)


@dataclass
class Looked:
    """What was looked at in a place: how many files, or whatever it holds, and how many bytes; no archive counts."""

    items: int = 0
    bytes: int = 0


class Search:
    """Looks for all forms of all values, counts where, and remembers what it found.

    Every form of every value holds the word that all values share, in one of six spellings: so these alone are looked
    for first. That finds everything that holds a whole value, and pieces besides.

    Args:
        word: What all values share: letters and digits.
        given: The values, by the names of their secrets; several where secrets were given different values.

    Raises:
        ValueError: if there is a form that does not hold the word, which would be overlooked.
    """

    def __init__(self, word: str, *given: Mapping[str, str]) -> None:
        raw = word.encode()
        self._traces = (raw, *aligned(raw), raw.hex().encode(), raw.hex().upper().encode())
        self._needles: dict[bytes, str] = {}
        for name, needle in (named for each in given for named in needles(each)):
            if not self._leads_to(needle):
                raise ValueError(f"{name} would be overlooked")
            self._needles.setdefault(needle, name)
        self.places: dict[str, Looked] = {}
        self.found: list[str] = []

    def look(self, place: str, data: bytes, name: str = "") -> None:
        """Look at the bytes of one thing, at its name, and at what is packed in it."""
        if self._leads_to(data) or self._leads_to(name.encode()):
            told = {called for needle, called in self._needles.items() if needle in data}
            self.found.append(f"{place}: {name}: {', '.join(sorted(told)) or 'a piece'}")
        packed = False
        for inner, content in unpacked(data):
            packed = True
            self.look(place, content, f"{name}/{inner}")
        looked = self.places.setdefault(place, Looked())
        looked.items += not packed
        looked.bytes += len(data) * (not packed)

    def look_into(self, place: str, folder: Path) -> None:
        """Look at every file under a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.look(place, path.read_bytes(), str(path.relative_to(folder)))

    def report(self) -> dict[str, object]:
        """Return where it looked, how much there was, and what it found."""
        places = {place: asdict(looked) for place, looked in self.places.items()}
        return {"places": places, "bytes": sum(looked.bytes for looked in self.places.values()), "found": self.found}

    def _leads_to(self, data: bytes) -> bool:
        return any(trace in data for trace in self._traces)


def unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is packed in ``data``, with its name: the files of a tar archive, or what gzip compressed."""
    if data.startswith(_GZIP):
        yield from _inflated(data)
    elif data.startswith(_TAR, 257):
        yield from _files(data)


def _inflated(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        content = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return  # only begins as gzip does: its bytes were looked at
    yield "gzip", content


def _files(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            yield member.name, file.read() if file else member.linkname.encode()
