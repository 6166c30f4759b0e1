"""A secret that a test prints is found nowhere afterwards."""

import base64
import tarfile
import urllib.parse
from pathlib import Path

import pytest
from user import dagger

CANARY = "canary-7f3a9c-value/with+signs"
LEAK = f'''

def test_that_prints_what_it_knows() -> None:
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
GIVEN = ("--databricks-token=env:DATABRICKS_TOKEN",)
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode(), urllib.parse.quote(CANARY, safe=""))


@pytest.fixture
def leaking(service: Path) -> Path:
    """A service whose test prints its .env and fails with it in the traceback."""
    with (service / "tests" / "unit" / "test_service.py").open("a") as file:
        file.write(LEAK)
    return service


def found(data: bytes) -> list[str]:
    """Return the forms of the canary in ``data``."""
    return [form for form in FORMS if form.encode() in data]


@pytest.mark.fault(35, 36)
def test_the_output_of_the_tests_does_not_hold_it(leaking: Path) -> None:
    """It arrives, and is printed in no form."""
    call = dagger("test", f"--source={leaking}", *GIVEN, "-vvv", environment={"DATABRICKS_TOKEN": CANARY})
    assert call.status != 0
    assert "test: 1 of 2 tests failed" in call.error
    assert "***" in call.stdout + call.stderr
    assert found((call.stdout + call.stderr).encode()) == []


@pytest.mark.fault(36)
def test_the_reports_do_not_hold_it(leaking: Path, tmp_path: Path) -> None:
    """JUnit keeps what a test printed; the canary is hidden in it."""
    folder = tmp_path / "reports"
    call = dagger(
        "reports",
        f"--source={leaking}",
        "--trivy-db=rehearsal",
        *GIVEN,
        "export",
        f"--path={folder}",
        environment={"DATABRICKS_TOKEN": CANARY},
    )
    assert call.status == 0, call.stderr
    assert "***" in (folder / "junit.xml").read_text()
    for path in folder.rglob("*"):
        assert path.is_dir() or found(path.read_bytes()) == [], path


@pytest.mark.fault(34)
def test_hidden_files_and_keys_do_not_reach_the_image(service: Path, tmp_path: Path) -> None:
    """What lies beside the source is not uploaded, even to an image that copies everything."""
    (service / ".dockerignore").unlink()
    dockerfile = service / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("COPY src/ /app/", "COPY . /all/\nCOPY src/ /app/"))
    for name in (".env", "src/.env", "key.pem", "id_rsa", ".aws/credentials", ".dvc/config.local", ".git/config"):
        path = service / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CANARY)
    search(service, tmp_path / "image.tar")


@pytest.mark.fault(36)
def test_the_image_of_a_source_whose_tests_leak_does_not_hold_it(leaking: Path, tmp_path: Path) -> None:
    """What the tests were given and printed is in no layer of the image built from this source."""
    call = dagger("test", f"--source={leaking}", *GIVEN, environment={"DATABRICKS_TOKEN": CANARY})
    assert call.status != 0
    search(leaking, tmp_path / "image.tar")


def search(source: Path, archive: Path) -> None:
    """Build the image of ``source`` and look for the canary in every file of every layer."""
    call = dagger("build", f"--source={source}", "as-tarball", "export", f"--path={archive}")
    assert call.status == 0, call.stderr
    with tarfile.open(archive) as image:
        for member in image.getmembers():
            blob = image.extractfile(member)
            if blob is None:
                continue
            data = blob.read()
            assert found(data) == [], member.name
            if data[:2] == b"\x1f\x8b":
                blob.seek(0)
                assert held(blob) == [], member.name


def held(layer: "tarfile._Fileobj") -> list[str]:
    """Return the files of a layer that hold the canary."""
    with tarfile.open(fileobj=layer, mode="r:gz") as files:
        contents = ((member.name, files.extractfile(member)) for member in files.getmembers() if member.isfile())
        return [name for name, file in contents if file and found(file.read())]
