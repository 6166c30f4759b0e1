"""The search for canaries proves itself: what is planted is found, in every form and wherever it is packed."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from typing import TYPE_CHECKING, Final

import pytest
from canary import KINDS, LENGTH, PIECE, SECRETS, Search, needles, new_word, pieces, values

if TYPE_CHECKING:
    from pathlib import Path

WORD: Final = new_word()


@pytest.fixture(params=KINDS)
def given(request: pytest.FixtureRequest) -> dict[str, str]:
    """The values of each kind."""
    return values(request.param, WORD)


def archive(name: str, content: bytes, mode: str = "w") -> bytes:
    """Return a tar archive with one file in it."""
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode=mode) as tar:  # type: ignore[call-overload] # a mode that tests choose
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        return file.getvalue()


def found(data: bytes, given: dict[str, str]) -> list[str]:
    """Return what a search finds in ``data``."""
    search = Search(WORD, given)
    search.look("here", data, "file")
    return search.found


@pytest.mark.fault(36)
def test_every_form_of_every_value_is_found(given: dict[str, str]) -> None:
    """Whatever stands around it, and it is told what was found."""
    # A form that is spelt as another one is told by the name of the first.
    names = dict(reversed([(needle, name) for name, needle in needles(given)]))
    search = Search(WORD, given)
    for needle in names:
        search.look("here", b"<before>" + needle + b"<after>")
    assert len(search.found) == len(names)
    assert [told for told, name in zip(search.found, names.values(), strict=True) if name not in told] == []


@pytest.mark.fault(36)
@pytest.mark.parametrize("user", ["", "u", "us", "user:"])
def test_base64_of_more_than_the_value_is_found(given: dict[str, str], user: str) -> None:
    """As in a header of basic authentication, at every alignment."""
    for name, value in given.items():
        told = found(base64.b64encode(f"{user}{value}!".encode()), given)
        assert f"{name} as base64" in told[0]


@pytest.mark.fault(36)
def test_wrapped_base64_of_a_long_value_is_found() -> None:
    """Lines of 76 characters hold no whole value and no whole piece."""
    given = values("64 KiB", WORD)
    assert found(base64.encodebytes(given["TOKEN"].encode()), given) == ["here: file: a piece"]


@pytest.mark.fault(36)
def test_any_piece_of_a_long_value_is_found() -> None:
    """Wherever it is cut out."""
    value = values("64 KiB", WORD)["TOKEN"]
    search = Search(WORD, {"TOKEN": value})
    places = range(0, len(value) - PIECE, 997)
    for at in places:
        search.look("here", value[at : at + PIECE].encode())
    assert len(search.found) == len(places)


@pytest.mark.fault(36)
def test_a_layer_of_an_image_in_an_archive_is_opened(given: dict[str, str]) -> None:
    """A file, in a layer that is compressed or not, in the archive of an image."""
    secret = given["TOKEN"].encode()
    for layer in (archive("app/file", secret), archive("app/file", secret, "w:gz"), gzip.compress(secret)):
        told = found(archive("blobs/sha256/layer", gzip.compress(layer)), given)
        assert "TOKEN as bytes" in told[-1]


@pytest.mark.fault(36)
def test_the_name_of_a_file_is_looked_at() -> None:
    """A value may be in a path as well."""
    assert found(archive(f"{WORD}A-value", b"", "w:gz"), values("plain", WORD))


@pytest.mark.fault(36)
def test_a_folder_is_looked_into_and_counted(tmp_path: Path) -> None:
    """Every file below it, and nothing is found where nothing is."""
    given = values("plain", WORD)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"nothing")
    (tmp_path / "packed").write_bytes(archive("inner", b"nothing too", "w:gz"))
    search = Search(WORD, given)
    search.look_into("folder", tmp_path)
    assert search.report() == {"places": {"folder": {"items": 2, "bytes": 18}}, "bytes": 18, "found": []}

    (tmp_path / "deep" / "file").write_text(given["MODEL_URI"])
    search.look_into("folder", tmp_path)
    assert search.found[0].startswith("folder: deep/file: MODEL_URI as ")


def test_what_only_begins_as_an_archive_does_is_looked_at(given: dict[str, str]) -> None:
    """It is searched as it is."""
    assert found(b"\x1f\x8b" + given["TOKEN"].encode(), given)


def test_values_that_the_search_would_overlook_are_refused() -> None:
    """A search for a value without the word would find nothing."""
    with pytest.raises(ValueError, match="TOKEN as bytes would be overlooked"):
        Search(WORD, {"TOKEN": "something else"})


@pytest.mark.fault(35)
def test_every_secret_has_a_value_of_its_own() -> None:
    """Over all kinds; none holds another one, and a variable and basic authentication can carry it."""
    every = [value for kind in KINDS for value in values(kind, WORD).values()]
    assert len(set(every)) == len(KINDS) * len(SECRETS)
    assert [value for value in every if ":" in value or "\0" in value] == []
    assert {len(value) for value in values("64 KiB", WORD).values()} == {LENGTH}
    assert all(WORD in piece for value in values("64 KiB", WORD).values() for piece in pieces(value))
