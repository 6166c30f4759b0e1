"""The paths of a source: which of some files it has, and whether it was uploaded with the filter of --source."""

from collections.abc import Collection, Iterable
from typing import Final

from stage_ci.errors import InvalidInput

# Two of the names that the filter of --source excludes; see arguments.py.
_NEVER_UPLOADED: Final = (".env", ".git")
# Characters with a meaning in the engine's patterns: https://pkg.go.dev/github.com/moby/patternmatcher
_WILDCARDS: Final = frozenset("*?[]\\!")


def has_wildcard(path: str) -> bool:
    """Return whether a path would match other paths if it were a pattern."""
    return not _WILDCARDS.isdisjoint(path)


def present_files(wanted: Iterable[str], paths: Collection[str]) -> list[str]:
    """Return those of the requirement files ``wanted`` that a source has.

    Args:
        wanted: Their names.
        paths: The paths of all files of the source.

    Raises:
        InvalidInput: if it has none of them, but a folder of such a name.
    """
    names = list(wanted)
    present = [name for name in names if name in paths]
    folder = next((name for name in names if any(path.startswith(f"{name}/") for path in paths)), "")
    if folder and not present:
        raise InvalidInput(
            f"{folder} is a folder, of which nothing is installed",
            step="source",
            remedy=f"name its files in a file requirements.dev, such as `-r {folder}/base.txt`",
        )
    return present


def raise_if_unfiltered(names: Collection[str]) -> None:
    """Raise if a source was not filtered, before a file with credentials gets into a container or an image.

    Dagger 0.19.10 filters a folder of the command line and the default folder, but not one that a `.env` names for an
    argument with a default path (`STAGE_CI_STAGE_SOURCE`): core/modfunc.go, `setCallInputs`.

    Args:
        names: The names at the source's root.

    Raises:
        InvalidInput: names the first file that the filter would have excluded.
    """
    for name in _NEVER_UPLOADED:
        if name in names:
            raise InvalidInput(
                f"the source was not filtered and holds {name}",
                step="source",
                remedy="give the folder as --source on the command line, not in a .env file",
            )
