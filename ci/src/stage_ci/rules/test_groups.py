"""Groups of tests that run apart, so that an edit runs only the tests that it can affect.

A folder in tests/unit/ with a file ``exclusive.txt`` is a group. The file names what only these tests need, such as
the part of src/ that they test. The tests outside of the folder run without it, in a container of their own, whose
result stays in the engine's cache when it changes. A test that needs it nevertheless fails.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from stage_ci.errors import InvalidInput
from stage_ci.rules.source import has_wildcard

TESTS: Final = "tests/unit"
# One path in each line, relative to the source; `#` begins a comment.
GROUP_FILE: Final = "exclusive.txt"
# The names of test modules, by pytest's default: https://docs.pytest.org/en/stable/reference/reference.html
_MODULES: Final = ("test_*.py", "*_test.py")


@dataclass(frozen=True, slots=True)
class TestGroup:
    """Tests that run in one container.

    Attributes:
        paths: The folders, modules or node ids that pytest runs.
        suffix: What the names of its report files end with, such as ``-service``; empty if it is the main group.
        exclude: Patterns of the files of the source that the container does not have.
    """

    __test__ = False  # pytest would collect the class by its name

    paths: tuple[str, ...] = (f"{TESTS}/",)
    suffix: str = ""
    exclude: tuple[str, ...] = ()


def is_group_file(path: str) -> bool:
    """Return whether a path of the source is the file of a group."""
    return path.startswith(f"{TESTS}/") and PurePosixPath(path).name == GROUP_FILE


def selected(only: Collection[str]) -> TestGroup:
    """Return the group of the selected tests, which has the whole source.

    Args:
        only: Folders, modules or node ids in tests/unit/.

    Raises:
        InvalidInput: if one lies elsewhere.
    """
    for path in only:
        if not path.startswith(f"{TESTS}/") or ".." in PurePosixPath(path).parts:
            raise InvalidInput(
                f"invalid --only={path!r}: not in {TESTS}/",
                step="test",
                remedy=f"give a path from the source's root, such as {TESTS}/test_x.py",
            )
    return TestGroup(tuple(only))


def groups(files: Mapping[str, str], paths: Collection[str]) -> list[TestGroup]:
    """Return the groups of a source's tests; the main one first.

    Args:
        files: The texts of the groups' files, by path.
        paths: The paths of all files of the source.

    Raises:
        InvalidInput: if a group lies inside of another one or at the root of the tests, or names a path that the
            source does not have.
    """
    folders = {path.removesuffix(f"/{GROUP_FILE}"): _exclusive(path, files[path], paths) for path in sorted(files)}
    for folder in folders:
        if folder == TESTS or any(folder.startswith(f"{other}/") for other in folders):
            raise _invalid(f"{folder}/{GROUP_FILE}", "is at the root of the tests, or inside of another group")
    main = TestGroup(exclude=tuple(path for folder, named in folders.items() for path in (folder, *named)))
    return [main, *(_group(folder) for folder in folders)]


def _group(folder: str) -> TestGroup:
    others = tuple(f"{TESTS}/**/{name}" for name in _MODULES)
    suffix = folder.removeprefix(TESTS).replace("/", "-")
    return TestGroup((f"{folder}/",), suffix, (*others, f"!{folder}/**"))


def _exclusive(file: str, text: str, paths: Collection[str]) -> tuple[str, ...]:
    lines = (line.partition("#")[0].strip().rstrip("/") for line in text.splitlines())
    named = tuple(line for line in lines if line)
    for path in named:
        if has_wildcard(path):
            raise _invalid(file, f"names {path}, which has a wildcard")
        if not any(f"{present}/".startswith(f"{path}/") for present in paths):
            raise _invalid(file, f"names {path}, which the source does not have")
    return named


def _invalid(file: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"{file} {reason}", step="test", remedy="name files or folders from the root of the source, one in each line"
    )
