"""An MLflow server as a container reaches it."""

import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import anyio
import dagger

from stage_ci.adapters.commands import step
from stage_ci.errors import EngineError

_NAME: Final = "tracking"


@dataclass(frozen=True, slots=True)
class Tracking:
    """Where models are logged and fetched.

    Attributes:
        uri: The server's address, as MLflow writes it; without effect if there is a service.
        service: A server that only the caller's machine can see; None for one on the network.
        environment: Databricks' address and token, by the names of their variables.
    """

    uri: str
    service: dagger.Service | None = None
    environment: Mapping[str, dagger.Secret] = field(default_factory=dict)

    @step("mlflow")
    async def within(self, container: dagger.Container) -> dagger.Container:
        """Return ``container`` with what MLflow's client looks for; nothing it runs is taken from the cache."""
        uri = self.uri
        if self.service:
            uri = await _address(self.service)
            container = container.with_service_binding(_NAME, self.service)
        for name, secret in self.environment.items():
            container = container.with_secret_variable(name, secret)
        return container.with_env_variable("MLFLOW_TRACKING_URI", uri).with_env_variable(
            "STAGE_CI_NOW", str(uuid.uuid4())
        )


async def _address(service: dagger.Service) -> str:
    """Return the address of ``service``, with a number for its name.

    MLflow's server refuses names that it was not told of, and takes private addresses:
    https://mlflow.org/docs/latest/self-hosting/security/network/
    """
    host, _, port = (await (await service.start()).endpoint()).rpartition(":")
    try:
        found = await anyio.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise EngineError(f"the engine gives {host} no address: {error}", step="mlflow") from error
    return f"http://{found[0][4][0]}:{port}"
