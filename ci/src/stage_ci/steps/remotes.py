"""The registry and the infrastructure repository of a run: real ones, the caller's own, or the embedded ones."""

import re
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters import rehearsal_database
from stage_ci.adapters.commands import step
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.adapters.publisher import Destination
from stage_ci.adapters.registry import Registry, RegistryLogin
from stage_ci.adapters.scanner import Database
from stage_ci.adapters.services import Embedded
from stage_ci.errors import InvalidInput, MissingCredential
from stage_ci.rules.credentials import Given, is_rehearsal
from stage_ci.rules.reference import Repository
from stage_ci.rules.registry import api_host
from stage_ci.steps.gather import gather

_GITHUB: Final = "https://github.com"
# Names as the hosting services allow them; no part begins with a dot, so none leads out of a folder.
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
# The value of --trivy-db that asks for the authored one.
REHEARSAL_DATABASE: Final = "rehearsal"


@dataclass(frozen=True, slots=True)
class Access:
    """What the caller gave to reach the outside; None for what was not given.

    Attributes:
        docker_username: The registry's user.
        docker_password: The user's password or access token.
        token: The token for the infrastructure repository.
        registry_service: A registry that only the caller's machine can see.
        infra_service: A git server that only the caller's machine can see.
        seed: The files a new rehearsal's infrastructure repository starts with.
    """

    docker_username: dagger.Secret | None = None
    docker_password: dagger.Secret | None = None
    token: dagger.Secret | None = None
    registry_service: dagger.Service | None = None
    infra_service: dagger.Service | None = None
    seed: dagger.Directory | None = None

    def embedded(self, rehearsal: str) -> Embedded | None:
        """Return the rehearsal of that name if nothing was given; None if this is a real release.

        Raises:
            MissingCredential: if some credentials were given and others were not.
        """
        given = Given(
            docker_username=self.docker_username is not None,
            docker_password=self.docker_password is not None,
            token=self.token is not None,
            registry_service=self.registry_service is not None,
            infra_service=self.infra_service is not None,
        )
        return Embedded.named(rehearsal) if is_rehearsal(given) else None

    async def require_values(self) -> None:
        """Do nothing if no credential that was given is empty: known before anything runs, not minutes later.

        Raises:
            MissingCredential: if one is; names it.
        """
        await gather(_credentials(self), _plain(self.token, "TOKEN"))


def looked_into(rehearsal: str | None) -> Embedded | None:
    """Return the rehearsal that the caller wants to look into; None for the real registry and repository."""
    return Embedded.named(rehearsal) if rehearsal else None


def authored(addresses: list[str] | None, rehearsal: str) -> Embedded | None:
    """Return the rehearsal that serves the authored database, if the caller asks for that one."""
    return Embedded.named(rehearsal) if addresses == [REHEARSAL_DATABASE] else None


def announce(embedded: Embedded | None) -> None:
    """Say on standard error that nothing leaves the machine, where standard output holds a result alone."""
    if embedded:
        print(f"Rehearsal {embedded.name!r}: nothing leaves this machine", file=sys.stderr)  # noqa: T201


@dataclass(frozen=True, slots=True)
class Remotes:
    """The registry and the infrastructure repository, reachable."""

    registry: Registry
    infrastructure: Infrastructure
    destination: Destination


@asynccontextmanager
async def registry_of(access: Access, embedded: Embedded | None, repository: Repository) -> AsyncIterator[Registry]:
    """Give the registry of ``embedded``, or else the caller's own or the real one.

    Raises:
        EngineError: if a service does not start.
        MissingCredential: if a credential is empty.
    """
    url, credentials = await gather(_registry_url(access, embedded, repository), _credentials(access))
    async with Registry(url, repository.path, credentials) as registry:
        yield registry


@asynccontextmanager
async def connect(
    access: Access, embedded: Embedded | None, repository: Repository, infra_repo: str
) -> AsyncIterator[Remotes]:
    """Start what has to be started and give both sides: those of ``embedded``, or else the real ones.

    Raises:
        EngineError: if a service does not start.
        InvalidInput: if the infrastructure repository's address holds credentials.
        MissingCredential: if a credential is empty.
    """
    path = repository_path(infra_repo)
    service = embedded.infrastructure(path, access.seed or dag.directory()) if embedded else access.infra_service
    url, credentials, host, token = await gather(
        _registry_url(access, embedded, repository),
        _credentials(access),
        _url(service, host_of(infra_repo)),
        _plain(access.token, "TOKEN"),
    )
    infrastructure = Infrastructure(f"{host}/{path}.git", token)
    async with Registry(url, repository.path, credentials) as registry:
        yield Remotes(registry, infrastructure, _destination(access, embedded, repository))


def _registry_url(access: Access, embedded: Embedded | None, repository: Repository) -> Awaitable[str]:
    service = embedded.registry() if embedded else access.registry_service
    return _url(service, f"https://{api_host(repository.registry)}")


def _destination(access: Access, embedded: Embedded | None, repository: Repository) -> Destination:
    service = embedded.registry() if embedded else access.registry_service
    return Destination(repository.registry, service, access.docker_username, access.docker_password)


def repository_path(infra_repo: str) -> str:
    """Return the path of the infrastructure repository on its server, without ``.git``: ``owner/name``.

    Raises:
        InvalidInput: if it is neither ``owner/name`` nor an https URL, or holds credentials.
    """
    if "@" in infra_repo:
        raise InvalidInput("--infra-repo holds credentials", step="deploy", remedy="give the token as --token")
    scheme, separator, rest = infra_repo.rpartition("://")
    path = (rest.partition("/")[2] if separator else rest).removesuffix(".git")
    if (separator and scheme != "https") or not _REPOSITORY.fullmatch(path):
        raise InvalidInput(
            f"--infra-repo={infra_repo[:100]!r} is no repository",
            step="deploy",
            remedy="give owner/name on GitHub, or an https URL",
        )
    return path


def host_of(infra_repo: str) -> str:
    """Return the scheme and host of the infrastructure repository's URL; GitHub's for ``owner/name``."""
    scheme, separator, rest = infra_repo.rpartition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator else _GITHUB


async def database(
    addresses: list[str], embedded: Embedded | None, registry_service: dagger.Service | None = None
) -> Database:
    """Return the vulnerability database of a run.

    With no address given, a rehearsal on a machine that cannot reach the public database uses the authored one.

    Raises:
        InvalidInput: if a release asks for the authored database.
    """
    if addresses == [REHEARSAL_DATABASE] and not embedded:
        raise InvalidInput(
            "--trivy-db=rehearsal is the authored database, with which a scan is no verdict: not for a release",
            step="scan",
            remedy="give a real vulnerability database with --trivy-db",
        )
    if embedded and (addresses == [REHEARSAL_DATABASE] or (not addresses and not await rehearsal_database.public())):
        return await rehearsal_database.serve(embedded)
    return Database(tuple(addresses) or pins.DATABASES, registry_service if addresses else None)


@step("services")
async def _url(service: dagger.Service | None, otherwise: str) -> str:
    if service is None:
        return otherwise
    return await (await service.start()).endpoint(scheme="http")


async def _credentials(access: Access) -> RegistryLogin | None:
    username = await _plain(access.docker_username, "DOCKER_USERNAME")
    password = await _plain(access.docker_password, "DOCKER_PASSWORD")
    if (username is None) != (password is None):
        missing = "DOCKER_PASSWORD (--docker-password)" if username else "DOCKER_USERNAME (--docker-username)"
        raise MissingCredential(f"{missing} missing", remedy="give both, or neither for anonymous access")
    return RegistryLogin(username, password) if username and password else None


async def _plain(secret: dagger.Secret | None, name: str) -> str | None:
    if secret is None:
        return None
    value = await secret.plaintext()
    if not value:
        raise MissingCredential(f"{name} is empty")
    return value
