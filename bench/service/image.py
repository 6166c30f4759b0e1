"""How large the image is without its base: all layers of its own, unpacked."""

import json
import re
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from bench.service.errors import CommandFailed, UnusableImage

BLOCK: Final = 4096
"""Bytes in which a file system gives out room; `du`, with which the original was measured, counts these."""

FROM: Final = re.compile(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE | re.MULTILINE)
"""https://docs.docker.com/reference/dockerfile/#from, with the name written out."""


def own_bytes(root: Path, folder: Path) -> int:
    """Build the image of the repository at ``root`` in the engine and measure it; ``folder`` takes its archive.

    Raises:
        CommandFailed: if it cannot be built.
        UnusableImage: if it does not tell its layers from those of its base.
    """
    base = base_image((root / "Dockerfile").read_text())
    below = _archive(root, folder / "base.tar", "core", "container", "from", f"--address={base}")
    image = _archive(root, folder / "image.tar", "call", "build")
    return unpacked(image, diff_ids(below))


def base_image(dockerfile: str) -> str:
    """Return the image that the last stage of a Dockerfile stands on.

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
    """Return the digests of an image's unpacked layers, lowest first."""
    with tarfile.open(archive) as files:
        return _diff_ids(files, _manifest(files))


def unpacked(archive: Path, base: list[str]) -> int:
    """Return how many bytes the layers of an OCI archive take that are not those of the base.

    Raises:
        UnusableImage: if the image does not stand on that base.
    """
    with tarfile.open(archive) as files:
        manifest = _manifest(files)
        ids = _diff_ids(files, manifest)
        if ids[: len(base)] != base:
            raise UnusableImage("the image's lowest layers are not its base's")
        return sum(_layer(files, layer["digest"]) for layer in manifest["layers"][len(base) :])


def disk_bytes(members: Iterable[tarfile.TarInfo]) -> int:
    """Return the room that files take on a disk: whole blocks, one for a folder, none for a link."""
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
