"""Measures the image without its base: the unpacked size of the layers above the base."""

import json
import re
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from bench.service.errors import CommandFailed, UnusableImage

BLOCK: Final = 4096
"""The block size of a file system, in bytes. The original was measured by `du`, which counts whole blocks."""

FROM: Final = re.compile(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE | re.MULTILINE)
"""https://docs.docker.com/reference/dockerfile/#from, without variables in the name."""


def own_bytes(root: Path, folder: Path) -> int:
    """Build the image of the repository at ``root`` in the engine and measure it; the archives go to ``folder``.

    Raises:
        CommandFailed: if the build fails.
        UnusableImage: if there is no FROM, or if the image does not start with the layers of its base.
    """
    base = base_image((root / "Dockerfile").read_text())
    below = _archive(root, folder / "base.tar", "core", "container", "from", f"--address={base}")
    image = _archive(root, folder / "image.tar", "call", "build")
    return unpacked(image, diff_ids(below))


def base_image(dockerfile: str) -> str:
    """Return the base image of the last stage of a Dockerfile.

    Raises:
        UnusableImage: if there is no FROM.
    """
    bases: dict[str, str] = {}
    base = ""
    for name, stage in FROM.findall(dockerfile):
        base = bases.get(name.lower(), name)
        bases[stage.lower()] = base
    if not base:
        raise UnusableImage("the Dockerfile has no FROM")
    return base


def diff_ids(archive: Path) -> list[str]:
    """Return the digests of an image's uncompressed layers, lowest first."""
    with tarfile.open(archive) as files:
        return _diff_ids(files, _manifest(files))


def unpacked(archive: Path, base: list[str]) -> int:
    """Return the unpacked bytes of the layers of an OCI archive that are above the base.

    Raises:
        UnusableImage: if the image does not start with the layers of the base.
    """
    with tarfile.open(archive) as files:
        manifest = _manifest(files)
        ids = _diff_ids(files, manifest)
        if ids[: len(base)] != base:
            raise UnusableImage("the image does not start with the layers of its base")
        return sum(_layer(files, layer["digest"]) for layer in manifest["layers"][len(base) :])


def disk_bytes(members: Iterable[tarfile.TarInfo]) -> int:
    """Return the disk usage of files: whole blocks, one for a folder, none for a link."""
    return BLOCK * sum(1 if member.isdir() else -(-member.size // BLOCK) * member.isreg() for member in members)


def _archive(root: Path, file: Path, *container: str) -> Path:
    command = ["dagger", *container, "as-tarball", "export", f"--path={file}"]
    ended = subprocess.run(command, cwd=root, stdout=subprocess.DEVNULL, check=False)
    if ended.returncode or not file.is_file():
        raise CommandFailed(f"{' '.join(command)} ended with {ended.returncode}")
    return file


def _layer(files: tarfile.TarFile, digest: str) -> int:
    with tarfile.open(fileobj=files.extractfile(_blob(digest))) as layer:
        return disk_bytes(layer)


def _manifest(files: tarfile.TarFile) -> dict[str, Any]:
    # https://github.com/opencontainers/image-spec/blob/main/image-layout.md
    (entry,) = _json(files, "index.json")["manifests"]
    return _json(files, _blob(entry["digest"]))


def _diff_ids(files: tarfile.TarFile, manifest: dict[str, Any]) -> list[str]:
    ids: list[str] = _json(files, _blob(manifest["config"]["digest"]))["rootfs"]["diff_ids"]
    return ids


def _json(files: tarfile.TarFile, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files.extractfile(name).read())  # type: ignore[union-attr] # a blob is a file
    return read


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
