"""Values of .env that a unit test prints, and secret files beside the source: no output or image contains them."""

import base64
import tarfile
import urllib.parse
from pathlib import Path
from typing import Final

import pytest
from cli import SAMPLE_DATABASE, dagger

CANARY: Final = "canary-7f3a9c-value/with+signs"
VARIABLES: Final = {"DATABRICKS_TOKEN": CANARY}
CONFIG: Final = ("--databricks-token=env:DATABRICKS_TOKEN",)
ENCODINGS: Final = (CANARY, base64.b64encode(CANARY.encode()).decode(), urllib.parse.quote(CANARY, safe=""))
LEAKING_TEST: Final = f'''

def test_that_prints_its_dotenv() -> None:
    """A careless test."""
    import base64
    import pathlib
    import urllib.parse

    text = pathlib.Path(".env").read_text()
    value = text.split("DATABRICKS_TOKEN=")[1].split('"')[1]
    print(text, base64.b64encode(value.encode()), urllib.parse.quote(value, safe=""))
    assert len(value) == {len(CANARY)}
    assert value == "something else"
'''


@pytest.fixture
def leaking_source(source: Path) -> Path:
    """A source with a test that prints its .env and fails with the value in the traceback."""
    with (source / "tests" / "unit" / "test_service.py").open("a") as file:
        file.write(LEAKING_TEST)
    return source


def find_canary(data: bytes) -> list[str]:
    """Return the encodings of the canary that ``data`` contains."""
    return [encoding for encoding in ENCODINGS if encoding.encode() in data]


@pytest.mark.fault(35, 36)
def test_neither_output_nor_image_holds_a_printed_secret(leaking_source: Path, tmp_path: Path) -> None:
    """`test` passes the secret to the tests and masks what they print; no layer of the image built then holds it."""
    call = dagger("test", f"--source={leaking_source}", "-vvv", config=CONFIG, variables=VARIABLES)
    assert call.status != 0
    assert "test: 1 of 2 tests failed" in call.error
    assert "***" in call.stdout + call.stderr
    assert find_canary((call.stdout + call.stderr).encode()) == []
    assert_image_is_clean(leaking_source, tmp_path / "image.tar")


@pytest.mark.fault(36)
def test_the_reports_mask_a_printed_secret(leaking_source: Path, tmp_path: Path) -> None:
    """`reports` masks the secret in every file, also in the output that JUnit keeps."""
    folder = tmp_path / "reports"
    config = [*CONFIG, *SAMPLE_DATABASE]
    export = (f"--source={leaking_source}", "export", f"--path={folder}")
    call = dagger("reports", *export, config=config, variables=VARIABLES)
    assert call.status == 0, call.stderr
    assert "***" in (folder / "junit.xml").read_text()
    for path in folder.rglob("*"):
        assert path.is_dir() or find_canary(path.read_bytes()) == [], path


@pytest.mark.fault(34)
def test_hidden_files_and_keys_are_not_copied_into_the_image(source: Path, tmp_path: Path) -> None:
    """An image that copies the whole source holds no hidden file and no key."""
    (source / ".dockerignore").unlink()
    dockerfile = source / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("COPY src/ /app/", "COPY . /all/\nCOPY src/ /app/"))
    for name in (".env", "src/.env", "key.pem", "id_rsa", ".aws/credentials", ".dvc/config.local", ".git/config"):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY)
    assert_image_is_clean(source, tmp_path / "image.tar")


def assert_image_is_clean(source: Path, archive: Path) -> None:
    """Build the image of ``source`` and assert that no file of any layer contains the canary."""
    call = dagger("build", f"--source={source}", "as-tarball", "export", f"--path={archive}")
    assert call.status == 0, call.stderr
    with tarfile.open(archive) as image:
        for member in image.getmembers():
            blob = image.extractfile(member)
            if blob is None:
                continue
            data = blob.read()
            assert find_canary(data) == [], member.name
            if data[:2] == b"\x1f\x8b":
                blob.seek(0)
                assert files_with_canary(blob) == [], member.name


def files_with_canary(layer: "tarfile._Fileobj") -> list[str]:
    """Return the files of a layer that contain the canary."""
    with tarfile.open(fileobj=layer, mode="r:gz") as files:
        contents = ((member.name, files.extractfile(member)) for member in files.getmembers() if member.isfile())
        return [name for name, file in contents if file and find_canary(file.read())]
