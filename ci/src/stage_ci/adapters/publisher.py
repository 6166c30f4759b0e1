"""Pushes an archive into a registry: one way for every registry, real or embedded."""

import re
import uuid
from dataclasses import dataclass
from typing import Final

import dagger
import tenacity
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.commands import NOBODY, as_nobody, run, step
from stage_ci.adapters.image import Archive
from stage_ci.adapters.programs import program
from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable
from stage_ci.rules.build_failure import last_line
from stage_ci.rules.reference import Repository

ATTEMPTS: Final = 3
# Seconds for one attempt, and after which there is no other: skopeo itself would wait for a silent registry forever.
PUSH_LIMIT: Final = 900
# How registries say no, in skopeo's words: https://distribution.github.io/distribution/spec/api/#errors
_REFUSED: Final = re.compile(r"unauthorized|denied|forbidden|authentication required|invalid username", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Destination:
    """A registry as a container sees it.

    Attributes:
        host: The registry's host, for one on the network.
        service: The registry as a service, for one that is not; None otherwise.
        username: The user to push as; None for anonymous access.
        password: The user's password or access token.
    """

    host: str
    service: dagger.Service | None = None
    username: dagger.Secret | None = None
    password: dagger.Secret | None = None


@step("publish")
async def push(archive: Archive, destination: Destination, repository: Repository) -> None:
    """Push the image of ``archive`` into ``repository`` of ``destination`` under its digest; no tag is written.

    What a broken upload has left there is not uploaded again.

    Raises:
        RegistryAccessDenied: if the user may not push.
        RegistryUnavailable: if the push fails, and so do the attempts after it.
    """
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(RegistryUnavailable),
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_before_delay(PUSH_LIMIT),
        wait=tenacity.wait_exponential_jitter(jitter=1),
        reraise=True,
    )
    await retrying(_push_once, archive, destination, repository)


async def _push_once(archive: Archive, destination: Destination, repository: Repository) -> None:
    container = (
        as_nobody(dag.container().from_(pins.SKOPEO))
        .with_new_file("/push_archive.sh", program("push_archive.sh"))
        .with_mounted_temp("/run/auth")
        .with_mounted_file("/image.tar", archive.file)
        # A push that is taken from the cache pushes nothing.
        .with_env_variable("STAGE_CI_PUSH", str(uuid.uuid4()))
    )
    host = destination.host
    if destination.service:
        container = container.with_service_binding("registry", destination.service)
        host = f"registry:{await (await destination.service.ports())[0].port()}"
    if destination.username and destination.password:
        container = container.with_mounted_secret("/run/secrets/username", destination.username, owner=NOBODY)
        container = container.with_mounted_secret("/run/secrets/password", destination.password, owner=NOBODY)
    plain = "true" if destination.service else "false"
    target = f"{repository.path}@{archive.digest}"
    ended = await run(container, ["sh", "/push_archive.sh", host, target, plain, str(PUSH_LIMIT)])
    if ended.status and _REFUSED.search(ended.stderr):
        raise RegistryAccessDenied(f"{host} does not let the user push into {repository.path}", step="publish")
    if ended.status:
        raise RegistryUnavailable(
            f"{host} did not take the image of {repository.path}: {last_line(ended.stderr)}", step="publish"
        )
