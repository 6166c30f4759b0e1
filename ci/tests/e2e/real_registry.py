"""A registry on this machine, and what the tests push into registries."""

import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Final

import httpx
from cli import REPOSITORY, free_port, is_served

# https://github.com/opencontainers/image-spec/blob/main/media-types.md
IMAGE_MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
IMAGE_INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
_CONFIG_TYPE: Final = "application/vnd.oci.image.config.v1+json"
_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
_DATABASE_PATH: Final = "aquasec/trivy-db"
DATABASE: Final = REPOSITORY / "ci" / "src" / "stage_ci" / "adapters" / "trivy-db.tar.gz"
_DATABASE_TYPE: Final = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
_PROGRAM: Final = REPOSITORY / ".venv" / "bin" / "registry"
_CONFIG: Final = REPOSITORY / "ci" / "engine" / "images" / "registry.yml"


@contextlib.contextmanager
def serve_registry() -> Iterator[str]:
    """Serve a registry that holds the sample vulnerability database, as a mirror would; yield its address.

    It runs on this machine and not in the engine: if a server closes a connection to which the client still writes, the
    tunnel of `up` in engine 0.19.10 stops, and with it every other upload
    (https://github.com/dagger/dagger/blob/v0.19.10/engine/buildkit/client.go, ListenHostToContainer).
    """
    port = free_port()
    address = f"localhost:{port}"
    with tempfile.TemporaryDirectory() as folder:
        variables = {"REGISTRY_HTTP_ADDR": address, "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": folder}
        with subprocess.Popen(
            [_PROGRAM, "serve", _CONFIG],
            env=os.environ | variables | {"OTEL_TRACES_EXPORTER": "none"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as registry:
            try:
                assert is_served(port, registry, seconds=60), "the registry did not start"
                push_database(address)
                yield address
            finally:
                registry.terminate()


def push_tags(registry: str, image: str, *tags: str) -> None:
    """Push one small image under each tag."""
    with httpx.Client(base_url=f"http://{registry}/v2/{image}", timeout=60) as client:
        empty = _push_blob(client, b"{}", _EMPTY_TYPE)
        for tag in tags:
            _push_manifest(client, tag, {"config": empty, "layers": [empty]})


def push_image(registry: str, image: str, tag: str, labels: dict[str, str]) -> None:
    """Push an image without layers that has ``labels``."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": labels}}).encode()
    with httpx.Client(base_url=f"http://{registry}/v2/{image}", timeout=60) as client:
        _push_manifest(client, tag, {"config": _push_blob(client, config, _CONFIG_TYPE), "layers": []})


def push_raw_image(registry: str, image: str, tag: str, manifest: bytes) -> None:
    """Push an image manifest as it is, whose only blob is an empty JSON object."""
    with httpx.Client(base_url=f"http://{registry}/v2/{image}", timeout=60) as client:
        _push_blob(client, b"{}", _CONFIG_TYPE)
        headers = {"Content-Type": IMAGE_MANIFEST_TYPE}
        client.put(f"/manifests/{tag}", content=manifest, headers=headers).raise_for_status()


def database_flag(registry: str, reference: str = f"{_DATABASE_PATH}:2") -> str:
    """Return the flag that selects a vulnerability database in the registry at ``registry``, a host and a port."""
    return f"--trivy-db=registry:{registry.partition(':')[2]}/{reference}"


def push_database(registry: str, reference: str = f"{_DATABASE_PATH}:2", content: bytes | None = None) -> None:
    """Push the sample vulnerability database, or another one, as ORAS pushes it to the public registry.

    Args:
        registry: Host and port of the registry.
        reference: Repository and tag.
        content: The archive; that of the sample database if None.
    """
    repository, _, tag = reference.partition(":")
    with httpx.Client(base_url=f"http://{registry}/v2/{repository}", timeout=60) as client:
        config = _push_blob(client, b"{}", _EMPTY_TYPE)
        layer = _push_blob(client, content or DATABASE.read_bytes(), _DATABASE_TYPE)
        titled = layer | {"annotations": {"org.opencontainers.image.title": "db.tar.gz"}}
        _push_manifest(client, tag, {"config": config, "layers": [titled]})


def _push_blob(client: httpx.Client, content: bytes, media_type: str) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    upload = httpx.URL(client.post("/blobs/uploads/").headers["Location"])
    client.put(upload.copy_add_param("digest", digest), content=content).raise_for_status()
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _push_manifest(client: httpx.Client, tag: str, parts: dict[str, object]) -> None:
    manifest = json.dumps({"schemaVersion": 2, "mediaType": IMAGE_MANIFEST_TYPE, **parts})
    headers = {"Content-Type": IMAGE_MANIFEST_TYPE}
    client.put(f"/manifests/{tag}", content=manifest, headers=headers).raise_for_status()
