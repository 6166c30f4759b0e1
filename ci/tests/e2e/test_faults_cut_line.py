"""A line to the registry that is cut while skopeo uploads a layer, in the engine."""

import json
import sys
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest
from cli import REPOSITORY, dagger, start_in, wait_for

PROGRAM: Final = Path(__file__).parent / "cut_line.py"
IMPORTED: Final = {"PYTHONPATH": ":".join(str(REPOSITORY / path) for path in ("ci/src", "ci", "ci/tests/e2e"))}


@pytest.fixture
def archive(source: Path, tmp_path: Path) -> Path:
    """The image of the minimal service as an archive."""
    path = tmp_path / "image.tar"
    call = dagger("build", f"--source={source}", "as-tarball", "export", f"--path={path}")
    assert call.status == 0, call.stderr
    return path


def push(archive: Path, times: int, folder: Path) -> dict[str, Any]:
    """Push the image of an archive, with its first uploads cut; return what became of it, as cut_line.py writes it."""
    with tarfile.open(archive) as layout:
        index = layout.extractfile("index.json")
        assert index
        (entry,) = json.load(index)["manifests"]
    written = folder / "result.json"
    words = [sys.executable, str(PROGRAM), str(archive), entry["digest"], str(times), str(written)]
    call = wait_for(start_in(REPOSITORY, "run", *words, variables=IMPORTED))
    assert call.status == 0, call.stderr
    result: dict[str, Any] = json.loads(written.read_text())
    return result


@pytest.mark.fault(14)
def test_an_upload_that_is_cut_is_repeated(archive: Path, tmp_path: Path) -> None:
    """After the line was cut once in the middle of an upload, the image is in the registry with all of its blobs."""
    result = push(archive, 1, tmp_path)
    assert (result["error"], result["cuts"], result["tags"]) == ("", 1, 0)
    assert len(result["blobs"]) > 1
    assert all(result["blobs"])


@pytest.mark.slow
@pytest.mark.fault(14)
def test_uploads_that_are_always_cut_leave_no_image(archive: Path, tmp_path: Path) -> None:
    """If the line is cut in every upload, the push fails after three attempts, and the registry holds no image."""
    result = push(archive, 1_000_000, tmp_path)
    assert result["error"].startswith("publish: pushing owner/service to registry:5000 failed: ")
    assert result["cuts"] >= 3
    assert (result["tags"], result["blobs"]) == (0, None)
