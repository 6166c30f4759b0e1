"""A rehearsal as the command line shows it."""

from typing import Annotated

import dagger
from dagger import Doc

from stage_ci import arguments as arg
from stage_ci.adapters.registry import Registry
from stage_ci.adapters.services import Embedded
from stage_ci.rules.reference import Repository
from stage_ci.steps.remotes import repository_path


@dagger.object_type
class Rehearsal:
    """The embedded registry and infrastructure repository that serve when no credentials are given."""

    name: str = dagger.field()
    image: str = dagger.field()
    infra_repo: str = dagger.field()
    seed: dagger.Directory = dagger.field()

    @arg.never_cached
    async def tags(self) -> str:
        """The image's tags in the embedded registry, each with its digest."""
        service = await self._embedded().registry().start()
        async with Registry(await service.endpoint(scheme="http"), Repository.parse(self.image).path) as registry:
            return "".join([f"{tag} {await registry.digest(tag)}\n" for tag in sorted(await registry.tags())])

    @arg.never_cached
    async def log(self) -> str:
        """The commits and claims of the embedded infrastructure repository, newest first."""
        commits = await self._git("log", "--format=%H %s", "HEAD")
        claims = await self._git(
            "for-each-ref", "--sort=-version:refname", "--format=%(objectname) claim %(refname)", "refs/claims/"
        )
        return commits + claims

    @arg.never_cached
    async def manifest(
        self,
        filename: Annotated[
            str, Doc("Manifest in the infrastructure repository, relative to its root.")
        ] = arg.FILENAME,
    ) -> str:
        """The manifest as the embedded infrastructure repository holds it now."""
        return await self._git("show", f"HEAD:{filename}")

    @arg.never_cached
    async def reset(self) -> str:
        """Forget every image, commit and claim of this rehearsal."""
        await self._embedded().reset()
        return f"Rehearsal {self.name!r} is empty: the next stage seeds it again\n"

    @arg.never_cached
    def registry(self) -> dagger.Service:
        """The embedded registry as a service: `… registry up --ports=5055:5000` shows it to your own tools."""
        return self._embedded().registry()

    @arg.never_cached
    def infrastructure(self) -> dagger.Service:
        """The embedded git server as a service: `… infrastructure up --ports=8081:8080`, then clone from it."""
        return self._embedded().infrastructure(repository_path(self.infra_repo), self.seed)

    def _embedded(self) -> Embedded:
        return Embedded.named(self.name)

    async def _git(self, *arguments: str) -> str:
        return await self._embedded().git(repository_path(self.infra_repo), *arguments)
