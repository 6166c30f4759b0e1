"""The MLflow server, and the settings by which a container reaches it."""

import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import anyio
import dagger

from stage_ci.adapters.bindings import bind
from stage_ci.adapters.commands import step
from stage_ci.errors import EngineError

_NAME: Final = "tracking"


@dataclass(frozen=True, slots=True)
class TrackingServer:
    """An MLflow server on which models are logged and from which they are fetched.

    Attributes:
        uri: The tracking URI; ignored if there is a service.
        service: A server that is reachable from the caller's machine only; None for one on the network.
        environment: The address and the token of Databricks, by environment variable.
    """

    uri: str
    service: dagger.Service | None = None
    environment: Mapping[str, dagger.Secret] = field(default_factory=dict)

    @step("mlflow")
    async def configure(self, container: dagger.Container) -> dagger.Container:
        """Return ``container`` with the variables of MLflow's client set, and with caching of its commands disabled."""
        uri = self.uri
        if self.service:
            uri = await _address(self.service)
            container = bind(container, _NAME, self.service, urlsplit(uri).hostname or "")
        for name, secret in self.environment.items():
            container = container.with_secret_variable(name, secret)
        return container.with_env_variable("MLFLOW_TRACKING_URI", uri).with_env_variable(
            "STAGE_CI_NOW", str(uuid.uuid4())
        )


async def _address(service: dagger.Service) -> str:
    """Return the URL of ``service`` with an IP address instead of a host name.

    MLflow's server rejects requests for unknown host names but accepts private addresses:
    https://mlflow.org/docs/latest/self-hosting/security/network/
    """
    host, _, port = (await (await service.start()).endpoint()).rpartition(":")
    try:
        found = await anyio.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise EngineError(f"the engine could not resolve {host}: {error}", step="mlflow") from error
    return f"http://{found[0][4][0]}:{port}"
