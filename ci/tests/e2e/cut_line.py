"""Pushes an image over a line that is cut; a program, which `dagger run` connects to the engine.

usage: cut_line.py ARCHIVE DIGEST TIMES RESULT
Proxy and registry run in the engine, as Dagger's tunnel to a server of this machine does not pass on a closed
connection. Cuts the first TIMES uploads, and writes to RESULT, as JSON: the error, the number of cuts, the number of
the registry's tags, and for each blob of the image whether the registry holds it; None without an image manifest.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

import dagger
import httpx
from dagger import dag
from real_registry import IMAGE_MANIFEST_TYPE

from stage_ci import pins
from stage_ci.adapters.commands import NOBODY, as_nobody
from stage_ci.adapters.image import Archive
from stage_ci.adapters.pinned_image import reference
from stage_ci.adapters.publisher import Destination, push
from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.reference import Digest, Repository

PROXY: Final = Path(__file__).parents[1] / "servers" / "cut_proxy.py"
REPOSITORY: Final = Repository.parse("owner/service")
PORT: Final = 5000
# Bytes; less than the smallest layer of a system, more than any other request.
LIMIT: Final = 256 * 1024


def registry() -> dagger.Service:
    """Return an empty registry."""
    container = dag.container().from_(reference(pins.REGISTRY)).with_env_variable("OTEL_TRACES_EXPORTER", "none")
    return container.with_exposed_port(PORT).as_service(use_entrypoint=True)


def proxy(upstream: dagger.Service, times: str) -> dagger.Service:
    """Return the proxy in front of a registry."""
    command = ["python3", "/cut_proxy.py", str(PORT), "upstream", str(PORT), str(LIMIT), times]
    return (
        as_nobody(dag.container().from_(reference(pins.PYTHON)))
        .with_new_file("/cut_proxy.py", PROXY.read_text())
        .with_service_binding("upstream", upstream)
        .with_exposed_port(PORT)
        .as_service(args=command)
    )


async def blobs(client: httpx.AsyncClient, digest: Digest) -> list[bool] | None:
    """Return for each blob of an image whether the registry holds it; None if it does not hold the image manifest."""
    found = await client.get(f"/manifests/{digest}", headers={"Accept": IMAGE_MANIFEST_TYPE})
    if not found.is_success:
        return None
    manifest = found.json()
    parts = [manifest["config"], *manifest["layers"]]
    return [(await client.head(f"/blobs/{part['digest']}")).is_success for part in parts]


async def push_cut(archive: str, digest: str, times: str) -> dict[str, Any]:
    """Push the image and return what became of it."""
    async with dagger.connection():
        line = await proxy(registry(), times).start()
        # An exported archive can be read by its owner only.
        image = Archive(dag.host().file(archive).chown(NOBODY), Digest.parse(digest), Digest.parse(digest))
        error = ""
        try:
            await push(image, Destination("registry", line), REPOSITORY)
        except RegistryUnavailable as failed:
            error = str(failed)
        tunnel = await dag.host().tunnel(line).start()
        async with httpx.AsyncClient(base_url=await tunnel.endpoint(scheme="http"), timeout=60) as client:
            cuts = int((await client.get("/cuts")).text)
            client.base_url = client.base_url.join(f"/v2/{REPOSITORY.path}/")
            tags: dict[str, Any] = (await client.get("/tags/list")).json()
            held = await blobs(client, Digest.parse(digest))
        return {"error": error, "cuts": cuts, "tags": len(tags.get("tags") or []), "blobs": held}


if __name__ == "__main__":
    *arguments, result = sys.argv[1:]
    Path(result).write_text(json.dumps(asyncio.run(push_cut(*arguments))))
