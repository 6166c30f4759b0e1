"""The object that `dagger call rehearsal` returns."""

from typing import Self

import dagger

from stage_ci.adapters.registry import Registry
from stage_ci.adapters.services import LocalServers
from stage_ci.rules.infrastructure import InfrastructureRepository
from stage_ci.rules.reference import Repository
from stage_ci.rules.registry.referrers import is_fallback_tag
from stage_ci.steps.request import ReleaseRequest, Settings


@dagger.object_type
class Rehearsal:
    """The registry and the infrastructure repository of a rehearsal, which keep their state between runs."""

    name: str = dagger.field()
    image: str
    infra_repo: str
    filename: str
    seed: dagger.Directory

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rehearsal that the arguments of the module's constructor select.

        Raises:
            InvalidInput: names the first argument that cannot be parsed.
        """
        request = ReleaseRequest.parse(settings)
        return cls(  # type: ignore[call-arg] # mypy does not see the decorator's __init__
            name=request.local_servers().name,
            image=settings.image,
            infra_repo=settings.infra_repo,
            filename=settings.filename,
            seed=settings.rehearsal_seed,
        )

    @dagger.function(cache="never")
    async def tags(self) -> str:
        """List the image's tags in the rehearsal's registry, each with its digest."""
        async with Registry(await self._servers().registry_url(), Repository.parse(self.image).path) as registry:
            tags = sorted(tag for tag in await registry.tags() if not is_fallback_tag(tag))
            return "".join([f"{tag} {await registry.digest(tag)}\n" for tag in tags])

    @dagger.function(cache="never")
    async def log(self) -> str:
        """List the commits and claims of the rehearsal's infrastructure repository, newest first."""
        commits = await self._git("log", "--format=%H %s", "HEAD")
        claims = await self._git(
            "for-each-ref", "--sort=-version:refname", "--format=%(objectname) claim %(refname)", "refs/claims/"
        )
        return commits + claims

    @dagger.function(cache="never")
    async def manifest(self) -> str:
        """Print the current deployment manifest of the rehearsal's infrastructure repository."""
        return await self._git("show", f"HEAD:{self.filename}")

    @dagger.function(cache="never")
    async def reset(self) -> str:
        """Delete every image, commit and claim of the rehearsal."""
        await self._servers().reset()
        return f"Rehearsal {self.name!r} is empty: the next stage seeds it again\n"

    @dagger.function(cache="never")
    def registry(self) -> dagger.Service:
        """Return the registry as a service; `… registry up --ports=5055:5000` makes it reachable for your own tools."""
        return self._servers().registry()

    @dagger.function(cache="never")
    def infrastructure(self) -> dagger.Service:
        """Return the git server as a service; run `… infrastructure up --ports=8081:8080` to clone from it."""
        return self._servers().infrastructure(self._path(), self.seed)

    def _servers(self) -> LocalServers:
        return LocalServers.parse(self.name)

    def _path(self) -> str:
        return InfrastructureRepository.parse(self.infra_repo).name

    async def _git(self, *arguments: str) -> str:
        return await self._servers().git(self._path(), *arguments)
