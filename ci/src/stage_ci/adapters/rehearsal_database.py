"""The sample vulnerability database of a rehearsal: small, and served from the rehearsal's registry.

It holds a few real advisories, so that a planted one is found. A scan with it gives no security verdict.
"""

import socket
from importlib import resources
from typing import Final

import anyio

from stage_ci import pins
from stage_ci.adapters.commands import step
from stage_ci.adapters.registry import Registry
from stage_ci.adapters.scanner import Database
from stage_ci.adapters.services import REGISTRY_PORT, LocalServers

_PATH: Final = "aquasec/trivy-db"
# The schema version is the tag Trivy asks for.
_TAG: Final = "2"
_CONFIG: Final = "application/vnd.aquasec.trivy.config.v1+json"
# The name Trivy looks for among the layers.
_FILE: Final = "db.tar.gz"
_LAYER: Final = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
# Seconds to find out whether the public database's host can be reached at all.
_PATIENCE: Final = 3.0


async def is_public_reachable() -> bool:
    """Return whether the host of the public database takes a connection."""
    host = pins.DATABASES[0].partition("/")[0]
    try:
        with anyio.fail_after(_PATIENCE):
            stream = await anyio.connect_tcp(host, 443)
    except (OSError, TimeoutError, socket.gaierror):
        return False
    await stream.aclose()
    return True


@step("scan")
async def serve(servers: LocalServers) -> Database:
    """Return the sample database, after pushing it to the registry of ``servers``."""
    service = await servers.registry().start()
    layer = resources.files(__package__).joinpath("trivy-db.tar.gz").read_bytes()
    async with Registry(await service.endpoint(scheme="http"), _PATH) as registry:
        await registry.push_artifact(_TAG, _CONFIG, _LAYER, layer, title=_FILE)
    return Database((f"registry:{REGISTRY_PORT}/{_PATH}:{_TAG}",), service, sample=True)
