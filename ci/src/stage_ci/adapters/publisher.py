"""Pushes an archive into a registry: one way for every registry, real or embedded."""

import uuid
from dataclasses import dataclass

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.commands import run, step
from stage_ci.adapters.programs import program
from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.build_failure import last_line
from stage_ci.rules.reference import Repository


@dataclass(frozen=True, slots=True)
class Target:
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
async def push(archive: dagger.File, target: Target, repository: Repository, tag: str) -> None:
    """Push the image of ``archive`` as ``tag`` of ``repository`` into ``target``.

    Raises:
        RegistryUnavailable: if the push fails; the tag is written last, so it never points at missing blobs.
    """
    container = (
        dag.container()
        .from_(pins.SKOPEO)
        .with_new_file("/push_archive.sh", program("push_archive.sh"))
        .with_mounted_temp("/run/auth")
        .with_mounted_file("/image.tar", archive)
        # A push that is taken from the cache pushes nothing.
        .with_env_variable("STAGE_CI_PUSH", str(uuid.uuid4()))
    )
    host = target.host
    if target.service:
        container = container.with_service_binding("registry", target.service)
        host = f"registry:{await (await target.service.ports())[0].port()}"
    if target.username and target.password:
        container = container.with_mounted_secret("/run/secrets/username", target.username)
        container = container.with_mounted_secret("/run/secrets/password", target.password)
    plain = "true" if target.service else "false"
    ended = await run(container, ["sh", "/push_archive.sh", host, f"{repository.path}:{tag}", plain])
    if ended.status:
        raise RegistryUnavailable(
            f"{host} did not take {repository.path}:{tag}: {last_line(ended.stderr)}", step="publish"
        )
