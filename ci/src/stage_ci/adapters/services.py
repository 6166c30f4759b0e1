"""The registry and the git server of a rehearsal: real servers that keep their state on cache volumes."""

import re
import uuid
from typing import Final, Self

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters import toolchain
from stage_ci.adapters.bindings import reach
from stage_ci.adapters.commands import NOBODY, as_nobody, run, step
from stage_ci.adapters.once import Once
from stage_ci.adapters.pinned_image import reference
from stage_ci.adapters.programs import program
from stage_ci.errors import InvalidInput
from stage_ci.rules.one_line import last_line

REGISTRY_PORT: Final = 5000
GIT_PORT: Final = 8080
_REPOSITORIES: Final = "/srv/git"
_BLOBS: Final = "/var/lib/registry"
_NO_REPOSITORY: Final = "not a git repository"  # in git's words
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class LocalServers:
    """The servers of one rehearsal, whose state is separate for each ``name``.

    Attributes:
        name: The name of the rehearsal.
        registry_url: Starts the registry and returns its address for HTTP.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.registry_url = Once(lambda: started(self.registry()))

    @classmethod
    def parse(cls, name: str) -> Self:
        """Return the rehearsal called ``name``.

        Raises:
            InvalidInput: if ``name`` is not 1 to 40 lower-case letters, digits and inner dashes.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"invalid --rehearsal={name[:40]!r}: expected 1 to 40 lower-case letters, digits and inner dashes",
                step="rehearsal",
                remedy="give a name such as team-a",
            )
        return cls(name)

    def registry(self) -> dagger.Service:
        """Return the registry, on port 5000."""
        return (
            as_nobody(dag.container().from_(reference(pins.REGISTRY)))
            .with_mounted_cache(_BLOBS, self._volume("registry"), owner=NOBODY)
            .with_env_variable("OTEL_TRACES_EXPORTER", "none")
            .with_exposed_port(REGISTRY_PORT)
            .as_service(use_entrypoint=True)
        )

    def infrastructure(self, repository: str, seed: dagger.Directory) -> dagger.Service:
        """Return the git server, on port 8080; it creates ``repository`` from ``seed`` if it does not exist."""
        return (
            self._git()
            .with_new_file("/git_server.sh", program("git_server.sh"))
            .with_new_file("/etc/lighttpd/git.conf", program("git_server.conf"))
            .with_mounted_directory("/seed", seed, owner=NOBODY)
            .with_exposed_port(GIT_PORT)
            .as_service(args=["sh", "/git_server.sh", f"{repository}.git"])
        )

    @step("rehearsal")
    async def git(self, repository: str, *arguments: str) -> str:
        """Run ``git`` in the current state of ``repository`` and return its output.

        Raises:
            InvalidInput: if the rehearsal has no such repository yet, or git finds nothing.
        """
        command = ["git", f"--git-dir={_REPOSITORIES}/{repository}.git", *arguments]
        result = await run(self._now(self._git()), command)
        if _NO_REPOSITORY in result.stderr:
            cause = f"rehearsal {self.name!r} has no repository {repository} yet"
            raise InvalidInput(cause, step="rehearsal", remedy="run `stage` with the same settings first")
        if result.status:
            raise InvalidInput(last_line(result.stderr), step="rehearsal", remedy="check --filename")
        return await result.container.stdout()

    @step("rehearsal")
    async def reset(self) -> None:
        """Delete every image, commit and claim of the rehearsal."""
        container = self._now(self._git()).with_mounted_cache(_BLOBS, self._volume("registry"), owner=NOBODY)
        await container.with_exec(["find", _REPOSITORIES, _BLOBS, "-mindepth", "1", "-delete"]).stdout()

    def _git(self) -> dagger.Container:
        installed = toolchain.with_debian_packages(toolchain.python(), "git", "lighttpd")
        return as_nobody(installed).with_mounted_cache(_REPOSITORIES, self._volume("git"), owner=NOBODY)

    def _volume(self, kind: str) -> dagger.CacheVolume:
        return dag.cache_volume(f"stage-ci-{self.name}-{kind}")

    @staticmethod
    def _now(container: dagger.Container) -> dagger.Container:
        return container.with_env_variable("STAGE_CI_NOW", str(uuid.uuid4()))


@step("services")
async def started(service: dagger.Service) -> str:
    """Start a service and return its address for HTTP."""
    return reach(await (await service.start()).endpoint(scheme="http"))
