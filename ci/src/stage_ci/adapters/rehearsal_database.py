"""The sample vulnerability database of a rehearsal: small, and served from the rehearsal's registry.

It contains a few real advisories, enough for tests to find a vulnerable package. A scan with it is not a verdict.
"""

import os
import socket
from importlib import resources
from typing import Final

import anyio
import httpx

from stage_ci import pins
from stage_ci.adapters.commands import step
from stage_ci.adapters.registry import Registry
from stage_ci.adapters.registry.transport import HttpTransport
from stage_ci.adapters.scanner import Database
from stage_ci.adapters.services import REGISTRY_PORT, LocalServers
from stage_ci.errors import StageError
from stage_ci.rules.proxy import Proxy
from stage_ci.rules.registry.protocol import TransientError

_PATH: Final = "aquasec/trivy-db"
# Trivy pulls the tag of its database's schema version: https://trivy.dev/latest/docs/configuration/db/
_TAG: Final = "2"
_CONFIG: Final = "application/vnd.aquasec.trivy.config.v1+json"
# The layer's title, which Trivy requires.
_FILE: Final = "db.tar.gz"
_LAYER: Final = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
# In seconds.
_CONNECT_LIMIT: Final = 3.0


async def is_public_reachable() -> bool:
    """Return whether the host of the public database accepts a connection, or answers through the proxy for it."""
    host = pins.DATABASES[0].partition("/")[0]
    url = f"https://{host}/v2/"
    try:
        if Proxy.of(url, os.environ):
            return await _answers(url)
    except (TransientError, StageError):
        return False
    try:
        with anyio.fail_after(_CONNECT_LIMIT):
            stream = await anyio.connect_tcp(host, 443)
    except (OSError, TimeoutError, socket.gaierror):
        return False
    await stream.aclose()
    return True


async def _answers(url: str) -> bool:
    transport = HttpTransport(url, None, _CONNECT_LIMIT)
    try:
        await transport.send(httpx.Request("GET", url))
    finally:
        await transport.aclose()
    return True


@step("scan")
async def serve(servers: LocalServers) -> Database:
    """Push the sample database to the registry of ``servers`` and return it."""
    layer = resources.files(__package__).joinpath("trivy-db.tar.gz").read_bytes()
    async with Registry(await servers.registry_url(), _PATH) as registry:
        await registry.push_artifact(_TAG, _CONFIG, _LAYER, layer, title=_FILE)
    return Database((f"registry:{REGISTRY_PORT}/{_PATH}:{_TAG}",), servers.registry(), sample=True)
