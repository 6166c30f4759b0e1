"""The search for canaries finds planted values in every encoding and in every archive."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Final

import pytest
from canary import (
    FRAGMENT,
    KINDS,
    LONG_VALUE,
    SECRET_NAMES,
    Search,
    fragments,
    needles,
    new_word,
    secret_values,
    signing_key,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stage_ci.adapters.signing import SigningKey

if TYPE_CHECKING:
    from pathlib import Path

WORD: Final = new_word()


@pytest.fixture(params=KINDS)
def values(request: pytest.FixtureRequest) -> dict[str, str]:
    """Secret values of each kind."""
    return secret_values(request.param, WORD)


def archive(name: str, content: bytes, mode: str = "w") -> bytes:
    """Return a tar archive with one file."""
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode=mode) as tar:  # type: ignore[call-overload] # the mode is not a literal
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        return file.getvalue()


def find(data: bytes, values: dict[str, str]) -> list[str]:
    """Return what a search for ``values`` finds in ``data``."""
    search = Search(WORD, values)
    search.search("here", data, "file")
    return search.found


@pytest.mark.fault(36)
def test_every_encoding_of_every_value_is_found(values: dict[str, str]) -> None:
    """Each encoding of each value is found between other bytes, and described."""
    # Two encodings may have the same spelling, which is described by the first.
    descriptions = dict(reversed([(needle, description) for description, needle in needles(values)]))
    search = Search(WORD, values)
    for needle in descriptions:
        search.search("here", b"<before>" + needle + b"<after>")
    assert len(search.found) == len(descriptions)
    pairs = zip(search.found, descriptions.values(), strict=True)
    assert [found for found, description in pairs if description not in found] == []


@pytest.mark.fault(36)
@pytest.mark.parametrize("user", ["", "u", "us", "user:"])
def test_base64_of_surrounded_values_is_found(values: dict[str, str], user: str) -> None:
    """A value is found in base64 at every alignment, as in a header of basic authentication."""
    for name, value in values.items():
        found = find(base64.b64encode(f"{user}{value}!".encode()), values)
        assert f"{name} as base64" in found[0]


@pytest.mark.fault(36)
def test_wrapped_base64_of_a_long_value_is_found() -> None:
    """A long value is found in base64 whose lines of 76 characters hold neither the value nor a whole fragment."""
    values = secret_values("64 KiB", WORD)
    assert find(base64.encodebytes(values["TOKEN"].encode()), values) == ["here: file: a fragment"]


@pytest.mark.fault(36)
def test_every_fragment_of_a_long_value_is_found() -> None:
    """A fragment of a long value is found wherever it was cut out."""
    value = secret_values("64 KiB", WORD)["TOKEN"]
    search = Search(WORD, {"TOKEN": value})
    places = range(0, len(value) - FRAGMENT, 997)
    for place in places:
        search.search("here", value[place : place + FRAGMENT].encode())
    assert len(search.found) == len(places)


@pytest.mark.fault(36)
@pytest.mark.parametrize("kind", KINDS)
def test_a_signing_key_is_found_in_every_form(kind: str) -> None:
    """A signing key is found encrypted and decrypted, in its file, in base64 of it, and as a number in hexadecimal."""
    password = secret_values(kind, WORD)["SIGNING_PASSWORD"]
    text = signing_key(WORD, password)
    pem = SigningKey.parse(text, password).pem()
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    file, encoding = text.partition("\n")[2], serialization.Encoding
    traditional, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    forms = [
        text.encode(),
        file.encode(),
        base64.b64encode(text.encode()),
        text.encode().hex().encode(),
        json.dumps(text).encode(),
        base64.decodebytes("".join(file.splitlines(keepends=True)[1:-1]).encode()),
        pem.encode(),
        key.private_bytes(encoding.PEM, traditional, plain),
        key.private_bytes(encoding.DER, traditional, plain),
        f"{key.private_numbers().private_value:x}".encode(),
    ]
    assert [form for form in forms if not find(form, secret_values("plain", WORD))] == []


@pytest.mark.fault(36)
def test_a_layer_in_an_image_archive_is_searched(values: dict[str, str]) -> None:
    """A value is found in a file of a layer, compressed or not, in the archive of an image."""
    secret = values["TOKEN"].encode()
    for layer in (archive("app/file", secret), archive("app/file", secret, "w:gz"), gzip.compress(secret)):
        found = find(archive("blobs/sha256/layer", gzip.compress(layer)), values)
        assert "TOKEN as bytes" in found[-1]


@pytest.mark.fault(36)
def test_the_name_of_a_file_is_searched() -> None:
    """A value is found in the path of a file."""
    assert find(archive(f"{WORD}A-value", b"", "w:gz"), secret_values("plain", WORD))


@pytest.mark.fault(36)
def test_a_folder_is_searched_and_counted(tmp_path: Path) -> None:
    """Every file below a folder is searched and counted, and a value is found by its path."""
    values = secret_values("plain", WORD)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"nothing")
    (tmp_path / "packed").write_bytes(archive("inner", b"nothing too", "w:gz"))
    search = Search(WORD, values)
    search.search_folder("folder", tmp_path)
    assert search.report() == {"places": {"folder": {"items": 2, "bytes": 18}}, "bytes": 18, "found": []}

    (tmp_path / "deep" / "file").write_text(values["MODEL_URI"])
    search.search_folder("folder", tmp_path)
    assert search.found[0].startswith("folder: deep/file: MODEL_URI as ")


def test_data_that_only_begins_like_gzip_is_searched(values: dict[str, str]) -> None:
    """A value is found in data that begins like a gzip file but is not one."""
    assert find(b"\x1f\x8b" + values["TOKEN"].encode(), values)


def test_a_value_without_the_word_is_rejected() -> None:
    """A search refuses a value that does not contain the word, because it would miss it."""
    with pytest.raises(ValueError, match="the search would miss TOKEN as bytes"):
        Search(WORD, {"TOKEN": "something else"})


@pytest.mark.fault(35)
def test_all_values_differ() -> None:
    """The values of all kinds differ, and an environment variable and basic authentication can hold each of them."""
    every = [value for kind in KINDS for value in secret_values(kind, WORD).values()]
    assert len(set(every)) == len(KINDS) * len(SECRET_NAMES)
    assert [value for value in every if ":" in value or "\0" in value] == []
    assert {len(value) for value in secret_values("64 KiB", WORD).values()} == {LONG_VALUE}
    assert all(WORD in piece for value in secret_values("64 KiB", WORD).values() for piece in fragments(value))
