"""Copies images between archives and a registry, on the network or in the engine, by the same commands."""

import uuid
from dataclasses import dataclass
from typing import Final

import dagger
import tenacity
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.bindings import bind
from stage_ci.adapters.commands import NOBODY, CommandResult, as_nobody, run, step
from stage_ci.adapters.image import Archive
from stage_ci.adapters.pinned_image import reference
from stage_ci.adapters.programs import program
from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable, RepositoryMissing
from stage_ci.rules.credentials import mask, spellings
from stage_ci.rules.reference import Digest, Repository
from stage_ci.rules.registry import RegistryLogin
from stage_ci.rules.registry.copying import CopyFailure, copy_reason
from stage_ci.rules.remedies import known_remedy

ATTEMPTS: Final = 3
# Seconds for one attempt, and after which no other starts; without it, skopeo waits forever for a registry that sends
# nothing (https://github.com/containers/skopeo/blob/main/docs/skopeo.1.md, --command-timeout).
PUSH_LIMIT: Final = 900


@dataclass(frozen=True, slots=True)
class Destination:
    """The registry that a container pushes to.

    Attributes:
        host: The registry's host; unused if there is a service.
        service: The registry as a service of the engine; None for a registry on the network.
        username: The user; None for anonymous access.
        password: The user's password or access token.
    """

    host: str
    service: dagger.Service | None = None
    username: dagger.Secret | None = None
    password: dagger.Secret | None = None


@step("publish")
async def push(archive: Archive, destination: Destination, repository: Repository) -> None:
    """Push an image by its digest, without a tag.

    An attempt after an interrupted one uploads only the blobs that the registry does not hold yet. Denied access is
    tried once more: while the first of several uploads creates a repository, some registries deny the others
    (https://github.com/containers/image/issues/1265).

    Args:
        archive: The image.
        destination: The registry.
        repository: The repository in the registry.

    Raises:
        RegistryAccessDenied: if the user has no push access.
        RepositoryMissing: if the registry does not create the repository.
        RegistryUnavailable: if every attempt fails.
    """
    retrying = tenacity.AsyncRetrying(
        retry=_may_succeed,
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(PUSH_LIMIT),
        wait=tenacity.wait_exponential_jitter(jitter=1),
        reraise=True,
    )
    await retrying(_push_once, archive, destination, repository)


@step("scan")
async def pull(destination: Destination, repository: Repository, digest: Digest) -> dagger.File:
    """Return an image of the registry as an archive, to read it; its digest may differ from the image's.

    Args:
        destination: The registry.
        repository: The repository in the registry.
        digest: The digest of the image.

    Raises:
        RegistryAccessDenied: if the user has no pull access.
        RepositoryMissing: if the repository does not exist.
        RegistryUnavailable: if the image cannot be pulled.
    """
    container, host = await _with_registry(destination)
    command = _command("pull", destination, host, f"{repository.path}@{digest}")
    copied = await _copy(container, command, destination, repository, f"pulling {repository.path} from {host} failed")
    return copied.container.file("/tmp/image.tar")  # noqa: S108 - of the container


async def _push_once(archive: Archive, destination: Destination, repository: Repository) -> None:
    container, host = await _with_registry(destination)
    container = container.with_mounted_file("/image.tar", archive.file)
    # The engine caches a command by its inputs, and a cached push pushes nothing.
    container = container.with_env_variable("STAGE_CI_PUSH", str(uuid.uuid4()))
    command = _command("push", destination, host, f"{repository.path}@{archive.digest}")
    await _copy(container, command, destination, repository, f"pushing {repository.path} to {host} failed")


def _may_succeed(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome else None
    return isinstance(error, RegistryUnavailable) or (
        isinstance(error, RegistryAccessDenied) and state.attempt_number == 1
    )


async def _with_registry(destination: Destination) -> tuple[dagger.Container, str]:
    container = (
        as_nobody(dag.container().from_(reference(pins.SKOPEO)))
        .with_new_file("/copy_image.sh", program("copy_image.sh"))
        .with_mounted_temp("/run/auth")
    )
    host = destination.host
    if destination.service:
        container = bind(container, "registry", destination.service)
        host = f"registry:{await (await destination.service.ports())[0].port()}"
    if destination.username and destination.password:
        container = container.with_mounted_secret("/run/secrets/username", destination.username, owner=NOBODY)
        container = container.with_mounted_secret("/run/secrets/password", destination.password, owner=NOBODY)
    return container, host


def _command(direction: str, destination: Destination, host: str, target: str) -> list[str]:
    plain_http = "true" if destination.service else "false"
    return ["sh", "/copy_image.sh", direction, host, target, plain_http, str(PUSH_LIMIT)]


async def _copy(
    container: dagger.Container, command: list[str], destination: Destination, repository: Repository, failed: str
) -> CommandResult:
    result = await run(container, command)
    if not result.status:
        return result
    reason = copy_reason(mask(result.stderr, await _spellings(destination)))
    cause, remedy = f"{failed}: {reason}", known_remedy(reason.replace(repository.path, ""))
    match CopyFailure.of(result.stderr, repository.path):
        case CopyFailure.MISSING:
            raise RepositoryMissing(cause, step="publish")
        case CopyFailure.DENIED:
            raise RegistryAccessDenied(cause, step="publish", remedy=remedy)
        case CopyFailure.OTHER:
            raise RegistryUnavailable(cause, step="publish", remedy=remedy)


async def _spellings(destination: Destination) -> list[str]:
    """Return what a registry may repeat in its message; the engine masks the password as it is, and no other form."""
    if not (destination.username and destination.password):
        return []
    login = RegistryLogin(await destination.username.plaintext(), await destination.password.plaintext())
    return spellings(login.password, f"{login.username}:{login.password}")
