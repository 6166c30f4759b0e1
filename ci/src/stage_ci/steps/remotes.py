"""Connects to the registry and the infrastructure repository of a run: real ones, local ones, or a rehearsal's."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import dagger

from stage_ci import pins
from stage_ci.adapters import rehearsal_database
from stage_ci.adapters.gather import gather
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.adapters.publisher import Destination
from stage_ci.adapters.registry import Registry
from stage_ci.adapters.scanner import Database
from stage_ci.adapters.services import LocalServers, started
from stage_ci.errors import InvalidInput
from stage_ci.rules.registry import api_host
from stage_ci.steps.request import ReleaseRequest

# The value of --trivy-db that selects the sample database.
SAMPLE_DATABASE: Final = "rehearsal"


@dataclass(frozen=True, slots=True)
class Remotes:
    """The connected registry and infrastructure repository, and the registry as the destination of a push."""

    registry: Registry
    infrastructure: Infrastructure
    destination: Destination


def announce(servers: LocalServers | None) -> None:
    """Print on standard error that the run is a rehearsal; standard output holds only the result."""
    if servers:
        print(f"Rehearsal {servers.name!r}: nothing leaves this machine", file=sys.stderr)  # noqa: T201


@asynccontextmanager
async def connect(request: ReleaseRequest, servers: LocalServers | None) -> AsyncIterator[Remotes]:
    """Start the services of the run and connect to the remotes of ``servers``, or else to the caller's or real ones.

    Raises:
        EngineError: if a service does not start.
        MissingCredential: if a credential is empty.
    """
    credentials, repository = request.credentials, request.infrastructure
    service = servers.infrastructure(repository.name, request.rehearsal_seed) if servers else credentials.infra_service
    path = f"/{repository.name}.git" if servers else repository.path
    url, login, host, token = await gather(
        _registry_url(request, servers),
        credentials.registry_login(),
        _service_url(service, repository.host),
        credentials.token(),
    )
    async with Registry(url, request.line.repository.path, login) as registry:
        infrastructure = Infrastructure(f"{host}{path}", token, request.identity)
        yield Remotes(registry, infrastructure, _destination(request, servers))


async def select_database(
    addresses: Sequence[str], servers: LocalServers | None, registry_service: dagger.Service | None = None
) -> Database:
    """Return the vulnerability database of a run.

    Without an address, a rehearsal on a machine that cannot reach the public database uses the sample database.

    Args:
        addresses: The values of ``--trivy-db``.
        servers: The rehearsal's servers; None if this is a release.
        registry_service: The registry of --registry-service, which ``addresses`` may name.

    Raises:
        InvalidInput: if a release selects the sample database.
    """
    sample = uses_sample_database(addresses)
    if sample and not servers:
        raise InvalidInput(
            "--trivy-db=rehearsal is the sample database, which gives no security verdict: not for a release",
            step="scan",
            remedy="give a real vulnerability database with --trivy-db",
        )
    if servers and (sample or (not addresses and not await rehearsal_database.is_public_reachable())):
        return await rehearsal_database.serve(servers)
    return Database(tuple(addresses) or pins.DATABASES, registry_service if addresses else None)


def uses_sample_database(addresses: Sequence[str]) -> bool:
    """Return whether the values of ``--trivy-db`` select the sample database."""
    return list(addresses) == [SAMPLE_DATABASE]


def _registry_service(request: ReleaseRequest, servers: LocalServers | None) -> dagger.Service | None:
    return servers.registry() if servers else request.credentials.registry_service


async def _registry_url(request: ReleaseRequest, servers: LocalServers | None) -> str:
    if servers:
        return await servers.registry_url()
    return await _service_url(
        request.credentials.registry_service, f"https://{api_host(request.line.repository.registry)}"
    )


def _destination(request: ReleaseRequest, servers: LocalServers | None) -> Destination:
    credentials, service = request.credentials, _registry_service(request, servers)
    host = request.line.repository.registry
    return Destination(host, service, credentials.docker_username, credentials.docker_password)


async def _service_url(service: dagger.Service | None, otherwise: str) -> str:
    return await started(service) if service else otherwise
