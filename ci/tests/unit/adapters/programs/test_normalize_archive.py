"""The program that takes the times of a build out of an image archive."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any, Final

import pytest

from stage_ci.adapters.programs import normalize_archive

if TYPE_CHECKING:
    from pathlib import Path

LAYER: Final = b"a layer, which stays as it is"


def add(files: dict[str, bytes], content: bytes) -> dict[str, Any]:
    """Add a blob to ``files`` and return its descriptor."""
    digest = hashlib.sha256(content).hexdigest()
    files[f"blobs/sha256/{digest}"] = content
    return {"digest": f"sha256:{digest}", "size": len(content)}


def build(
    path: Path, time: str, command: str = "COPY src /app", images: int = 1, platform: dict[str, str] | None = None
) -> Path:
    """Write an archive of an image that was built at a time, as engine 0.19.10 does."""
    files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
    history = [{"created": time, "created_by": command}]
    fields = {"created": time, "config": {"User": "10001"}, "history": history}
    config = add(files, json.dumps(fields | (platform or {})).encode())
    layer = add(files, LAYER)
    manifest = add(files, json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode())
    entry = manifest | {"annotations": {"org.opencontainers.image.created": time}}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry] * images}).encode()
    saved = [{"Config": f"blobs/sha256/{config['digest'][7:]}", "Layers": [f"blobs/sha256/{layer['digest'][7:]}"]}]
    files["manifest.json"] = json.dumps(saved).encode()
    with tarfile.open(path, "w") as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def normalize(archive: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Run the program; return the files of the new archive, and the digests that it printed."""
    output = archive.with_suffix(".normalized")
    normalize_archive.main(str(archive), str(output))
    with tarfile.open(output) as written:
        files = {member.name: (written.extractfile(member) or io.BytesIO()).read() for member in written}
    digests: dict[str, str] = json.loads(capsys.readouterr().out)
    return files, digests


def test_builds_of_two_times_become_one_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Archives of the same image from different times become equal, byte for byte."""
    first = normalize(build(tmp_path / "first", "2026-11-26T07:21:56.5Z"), capsys)
    second = normalize(build(tmp_path / "second", "2027-01-01T00:00:00Z"), capsys)
    assert first == second
    assert (tmp_path / "first.normalized").read_bytes() == (tmp_path / "second.normalized").read_bytes()


def test_other_images_stay_different(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Images that differ in more than times keep different digests."""
    time = "2026-11-26T07:21:56Z"
    first = normalize(build(tmp_path / "first", time), capsys)
    second = normalize(build(tmp_path / "second", time, "COPY src /srv"), capsys)
    assert first[1]["manifest"] != second[1]["manifest"]


def test_the_archive_is_valid_and_keeps_its_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each blob that the index names is there under its digest, the former ones are gone, and the layers stay."""
    files, digests = normalize(build(tmp_path / "image", "2026-11-26T07:21:56Z"), capsys)
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["digest"] == digests["manifest"]
    assert entry["annotations"] == {}
    manifest = json.loads(files[f"blobs/sha256/{entry['digest'][7:]}"])
    assert manifest["config"]["digest"] == digests["config"]
    assert files[f"blobs/sha256/{manifest['layers'][0]['digest'][7:]}"] == LAYER
    config = files[f"blobs/sha256/{digests['config'][7:]}"]
    assert manifest["config"]["size"] == len(config)
    assert json.loads(config) == {
        "created": "1970-01-01T00:00:00Z",
        "config": {"User": "10001"},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "COPY src /app"}],
    }
    assert json.loads(files["manifest.json"])[0]["Config"] == f"blobs/sha256/{digests['config'][7:]}"
    blobs = {name: content for name, content in files.items() if name.startswith("blobs/")}
    assert len(blobs) == 3
    assert all(name == f"blobs/sha256/{hashlib.sha256(content).hexdigest()}" for name, content in blobs.items())


@pytest.mark.parametrize(
    ("platform", "printed"),
    [
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64"),
        ({"architecture": "amd64"}, "/amd64"),
        ({}, "/"),
    ],
)
def test_the_platform_of_the_configuration_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], platform: dict[str, str], printed: str
) -> None:
    """The program prints the platform that the image's configuration names, and keeps it."""
    files, digests = normalize(build(tmp_path / "image", "2026-11-26T07:21:56Z", platform=platform), capsys)
    assert digests["platform"] == printed
    config = json.loads(files[f"blobs/sha256/{digests['config'][7:]}"])
    assert {name: config[name] for name in platform} == platform


@pytest.mark.parametrize("images", [0, 2])
def test_an_archive_without_exactly_one_image_is_rejected(tmp_path: Path, images: int) -> None:
    """The program fails, and says why, if the archive holds no image or several ones."""
    archive = build(tmp_path / "image", "2026-11-26T07:21:56Z", images=images)
    with pytest.raises(SystemExit, match="the archive does not hold exactly one image"):
        normalize_archive.main(str(archive), str(tmp_path / "output"))
