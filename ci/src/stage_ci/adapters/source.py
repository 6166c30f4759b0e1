"""The source of a service, whose files are listed once for all steps."""

import dagger

from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.once import Once
from stage_ci.rules.source import raise_if_unfiltered


class Source:
    """A folder that the caller gave.

    Args:
        directory: The folder in the engine.

    Attributes:
        directory: The same folder.
        paths: Returns the paths of its files, relative to it, sorted; raises InvalidInput if it was not filtered.
    """

    def __init__(self, directory: dagger.Directory) -> None:
        self.directory = directory
        self.paths = Once(self._list)

    async def text(self, path: str) -> str:
        """Return the content of a text file; empty if there is no such file."""
        return await self.directory.file(path).contents() if path in await self.paths() else ""

    async def texts(self, paths: list[str]) -> dict[str, str]:
        """Return the contents of text files by path."""
        return dict(zip(paths, await gather_all(self.text(path) for path in paths), strict=True))

    async def _list(self) -> tuple[str, ...]:
        paths = await self.directory.glob("**/*")
        raise_if_unfiltered({path.partition("/")[0] for path in paths})
        return tuple(sorted(path for path in paths if not path.endswith("/")))
