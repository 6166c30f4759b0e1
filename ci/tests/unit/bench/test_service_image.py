"""The size that an image adds to its base, measured on small archives."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Literal

import pytest
from bench.service.errors import UnusableImage
from bench.service.image import base_image, diff_ids, unpacked

Mode = Literal["w:", "w:gz"]


def layer(files: dict[str, int], mode: Mode = "w:gz") -> bytes:
    """Return a layer with files of the given lengths in a folder, and a link to each file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, length in files.items():
            member = tarfile.TarInfo(f"folder/{name}")
            member.size = length
            archive.addfile(member, io.BytesIO(bytes(length)))
            link = tarfile.TarInfo(f"folder/{name}.link")
            link.type, link.linkname = tarfile.SYMTYPE, name
            archive.addfile(link)
    return packed.getvalue()


def image(file: Path, *layers: bytes) -> Path:
    """Write an OCI archive whose diff IDs are the digests of the layers as packed."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> dict[str, str]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}"}

    config = blob(json.dumps({"rootfs": {"diff_ids": [hashlib.sha256(one).hexdigest() for one in layers]}}).encode())
    manifest = blob(json.dumps({"config": config, "layers": [blob(one) for one in layers]}).encode())
    blobs["index.json"] = json.dumps({"manifests": [manifest]}).encode()
    with tarfile.open(file, "w") as archive:
        for name, content in blobs.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file


BASE = layer({"python": 100_000})


@pytest.mark.parametrize("mode", ["w:", "w:gz"])
def test_layers_above_the_base_count_in_whole_blocks(tmp_path: Path, mode: Mode) -> None:
    """As in `du`, 5,000 bytes take two blocks, an empty file and a link none, a folder one."""
    base = image(tmp_path / "base.tar", BASE)
    own = [layer({"library": 5_000, "empty": 0}, mode), layer({"model": 4096}, mode)]
    assert unpacked(image(tmp_path / "image.tar", BASE, *own), diff_ids(base)) == (1 + 2 + 1 + 1) * 4096


def test_an_image_on_another_base_is_rejected(tmp_path: Path) -> None:
    """An image that does not start with the layers of the base is an error."""
    base = image(tmp_path / "base.tar", layer({"other": 1}))
    with pytest.raises(UnusableImage, match="the image does not start with the layers of its base"):
        unpacked(image(tmp_path / "image.tar", BASE), diff_ids(base))


@pytest.mark.parametrize(
    ("dockerfile", "base"),
    [
        ("FROM python:3.11-slim\nRUN x\n", "python:3.11-slim"),
        ("FROM a AS b\nFROM --platform=linux/amd64 python:3.11-slim AS last\nCOPY --from=b / /\n", "python:3.11-slim"),
        ("from python:3.11-slim as packages\nFROM other AS model\nFROM packages\n", "python:3.11-slim"),
    ],
)
def test_the_base_is_that_of_the_last_stage(dockerfile: str, base: str) -> None:
    """The base of the last stage is found, also if the stage is based on an earlier one."""
    assert base_image(dockerfile) == base


def test_a_dockerfile_without_a_base_is_rejected() -> None:
    """A Dockerfile without FROM is an error."""
    with pytest.raises(UnusableImage, match="no FROM"):
        base_image("RUN x\n")
