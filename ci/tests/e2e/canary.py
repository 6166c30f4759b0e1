"""Secret values that can be found again, and the search for them in every encoding and archive."""

import base64
import gzip
import hashlib
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

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nacl.secret import SecretBox

CREDENTIAL_NAMES: Final = ("DOCKER_USERNAME", "DOCKER_PASSWORD", "TOKEN")
DOTENV_NAMES: Final = ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "MODEL_URI", "EXPERIMENT_NAME")
SECRET_NAMES: Final = (*CREDENTIAL_NAMES, "SIGNING_PASSWORD", *DOTENV_NAMES)
KINDS: Final = ("plain", "newline", "metacharacters", "non-ASCII", "64 KiB", "GitHub token")
LONG_VALUE: Final = 64 * 1024  # bytes of a value of the kind "64 KiB"
FRAGMENT: Final = 64  # bytes of a long value that would be a leak
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_GZIP: Final = b"\x1f\x8b"  # https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
_TAR: Final = b"ustar"  # at byte 257: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html


def new_word() -> str:
    """Return a random word of letters whose ASCII codes contain a hexadecimal letter, which has two spellings."""
    return "".join(secrets.choice("jklmno") for _ in range(14))


def secret_values(kind: str, word: str) -> dict[str, str]:
    """Return a different value for each secret argument, all of which contain ``word``.

    No value contains a colon, because a user name of basic authentication cannot (RFC 7617).

    Args:
        kind: One of `KINDS`.
        word: The word to search for.
    """
    return {secret: _value(kind, f"{word}{chr(ord('A') + place)}") for place, secret in enumerate(SECRET_NAMES)}


def _value(kind: str, mark: str) -> str:
    lines = "".join(f"{mark}{number:05}." for number in range(LONG_VALUE // len(f"{mark}00000.") + 1))
    return {
        "plain": f"{mark}-value",
        "newline": f"{mark} one\n{mark} two",
        "metacharacters": f"-{mark}'\"${{HOME}}$(id)`id`#;&|<>*?~%+=/\\ {mark}\\",
        "non-ASCII": f"{mark} grüße, 日本語 🔑 {mark}é",
        "64 KiB": lines[:LONG_VALUE],
        # https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
        "GitHub token": f"ghp_{mark:0<36}",
    }[kind]


def signing_key(word: str, password: str) -> str:
    """Return a private key in the format of cosign, whose contents show ``word`` in every form.

    The word is part of the number that is the key, and of the encrypted file, both where no line of base64 ends. It
    also stands before the file, so that it is found in base64 of the whole file.

    Args:
        word: The word to search for.
        password: The password that the key is encrypted with.
    """
    number = int.from_bytes((b"." * 13 + word.encode()).ljust(32, b"."))
    der = ec.derive_private_key(number, ec.SECP256R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    salt, nonce = secrets.token_bytes(32), secrets.token_bytes(SecretBox.NONCE_SIZE)
    box = SecretBox(hashlib.scrypt(password.encode(), salt=salt, n=2, r=8, p=1, dklen=SecretBox.KEY_SIZE))
    fields = {
        "word": word,
        "kdf": {"params": {"N": 2, "r": 8, "p": 1}, "salt": base64.b64encode(salt).decode()},
        "cipher": {"nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(box.encrypt(der, nonce).ciphertext).decode(),
    }
    body, label = base64.encodebytes(json.dumps(fields).encode()).decode(), "ENCRYPTED SIGSTORE PRIVATE KEY"
    return f"-----{word}-----\n-----BEGIN {label}-----\n{body}-----END {label}-----\n"


def encodings(value: str) -> dict[str, set[bytes]]:
    """Return the spellings of a value, by the name of the encoding."""
    raw = value.encode()
    texts = {
        "URL-encoded": {quote(value), quote(value, safe=""), quote_plus(value)},
        "hex": {raw.hex(), raw.hex().upper()},
        "JSON": {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]},
        "repr": {repr(value)[1:-1], ascii(value)[1:-1], repr(raw)[2:-1]},
        "XML": {html.escape(value), html.escape(value, quote=False)},
    }
    encoded = {name: {text.encode() for text in spellings} for name, spellings in texts.items()}
    plain = base64_spellings(raw)
    return {"bytes": {raw}, "base64": plain, "base64url": {text.translate(_URL_SAFE) for text in plain}, **encoded}


def base64_spellings(raw: bytes) -> set[bytes]:
    """Return the base64 characters of ``raw`` at each of the three alignments.

    Characters that also encode bits of a neighbouring byte are left out, so that the result is found wherever ``raw``
    is part of encoded data.
    """

    def aligned(offset: int) -> bytes:
        text = base64.b64encode(b"\0" * offset + raw).rstrip(b"=")
        end = len(text) - ((offset + len(raw)) % 3 > 0)
        return text[-(-offset * 4 // 3) : end]

    return {aligned(offset) for offset in range(3)}


def fragments(value: str) -> list[str]:
    """Return five fragments of a long value, from its beginning to its end; none of a short value."""
    last = len(value) - FRAGMENT
    places = (0, last // 5, last // 2, last * 3 // 4, last)
    return [value[place : place + FRAGMENT] for place in places] if last > FRAGMENT else []


def needles(values: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield a description and the bytes of everything to search for.

    Args:
        values: The values by the names of their secrets.
    """
    for secret, value in values.items():
        for part, text in [("", value), *(("a fragment of ", fragment) for fragment in fragments(value))]:
            for encoding, spellings in encodings(text).items():
                yield from ((f"{part}{secret} as {encoding}", needle) for needle in spellings)


@dataclass
class Searched:
    """How much was searched in a place.

    Attributes:
        items: Number of files or other items; an archive counts as its members.
        bytes: Their size.
    """

    items: int = 0
    bytes: int = 0


class Search:
    """Searches data for every encoding of every value, and counts what it has searched.

    Every encoding of every value contains the shared word in one of six spellings, so data is first searched for these
    six. This finds everything that contains a whole value, and fragments besides.

    Args:
        word: The word that all values contain: letters and digits.
        values: Values by the names of their secrets; several mappings if secrets had several values.

    Raises:
        ValueError: if an encoding of a value does not contain the word, so that the search would miss it.
    """

    def __init__(self, word: str, *values: Mapping[str, str]) -> None:
        raw = word.encode()
        self._spellings = (raw, *base64_spellings(raw), raw.hex().encode(), raw.hex().upper().encode())
        self._needles: dict[bytes, str] = {}
        for description, needle in (item for mapping in values for item in needles(mapping)):
            if not self._contains_word(needle):
                raise ValueError(f"the search would miss {description}")
            self._needles.setdefault(needle, description)
        self.places: dict[str, Searched] = {}
        self.found: list[str] = []

    def search(self, place: str, data: bytes, name: str = "") -> None:
        """Search an item, its name, and recursively what it contains if it is an archive.

        Args:
            place: What to count the item under.
            data: The item's bytes.
            name: The item's name, such as a path.
        """
        if self._contains_word(data) or self._contains_word(name.encode()):
            descriptions = {description for needle, description in self._needles.items() if needle in data}
            self.found.append(f"{place}: {name}: {', '.join(sorted(descriptions)) or 'a fragment'}")
        is_archive = False
        for member, content in unpack(data):
            is_archive = True
            self.search(place, content, f"{name}/{member}")
        searched = self.places.setdefault(place, Searched())
        searched.items += not is_archive
        searched.bytes += len(data) * (not is_archive)

    def search_folder(self, place: str, folder: Path) -> None:
        """Search every file below a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.search(place, path.read_bytes(), str(path.relative_to(folder)))

    def report(self) -> dict[str, object]:
        """Return what was searched in each place, the size of it all, and what was found."""
        places = {place: asdict(searched) for place, searched in self.places.items()}
        return {"places": places, "bytes": sum(place.bytes for place in self.places.values()), "found": self.found}

    def _contains_word(self, data: bytes) -> bool:
        return any(spelling in data for spelling in self._spellings)


def unpack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each member of a tar archive, or the content of a gzip file."""
    if data.startswith(_GZIP):
        yield from _decompress(data)
    elif data.startswith(_TAR, 257):
        yield from _members(data)


def _decompress(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        content = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return  # not gzip after all; its bytes have been searched
    yield "gzip", content


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            yield member.name, file.read() if file else member.linkname.encode()
