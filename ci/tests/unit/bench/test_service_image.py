"""How much an image adds to its base, read from archives made for the test."""

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
    """Return a packed layer of files of some length, in a folder, with a link to each."""
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
    """Write an OCI archive; a layer's place in its digest list is named after its packed bytes."""
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
def test_only_layers_above_the_base_count_in_whole_blocks(tmp_path: Path, mode: Mode) -> None:
    """As du counts: 5,000 bytes take two blocks, an empty file and a link none, a folder one."""
    base = image(tmp_path / "base.tar", BASE)
    own = [layer({"library": 5_000, "empty": 0}, mode), layer({"model": 4096}, mode)]
    assert unpacked(image(tmp_path / "image.tar", BASE, *own), diff_ids(base)) == (1 + 2 + 1 + 1) * 4096


def test_an_image_on_another_base_is_refused(tmp_path: Path) -> None:
    """Its base's layers would be taken for its own, or the other way round."""
    base = image(tmp_path / "base.tar", layer({"other": 1}))
    with pytest.raises(UnusableImage, match="not its base's"):
        unpacked(image(tmp_path / "image.tar", BASE), diff_ids(base))


@pytest.mark.parametrize(
    ("dockerfile", "base"),
    [
        ("FROM python:3.11-slim\nRUN x\n", "python:3.11-slim"),
        ("FROM a AS b\nFROM --platform=linux/amd64 python:3.11-slim AS last\nCOPY --from=b / /\n", "python:3.11-slim"),
        ("from python:3.11-slim as packages\nFROM other AS model\nFROM packages\n", "python:3.11-slim"),
    ],
)
def test_the_base_is_what_the_last_stage_stands_on(dockerfile: str, base: str) -> None:
    """Also by way of an earlier stage."""
    assert base_image(dockerfile) == base


def test_a_dockerfile_without_a_base_is_refused() -> None:
    """There is nothing to compare with."""
    with pytest.raises(UnusableImage, match="no FROM"):
        base_image("RUN x\n")
