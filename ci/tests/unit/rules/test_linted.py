"""The files that the linters read."""

import pytest

from stage_ci.rules.linted import count_linted, patterns_not_linted

SETTINGS = ["pyproject.toml", "setup.cfg", "tox.ini", ".flake8", ".isort.cfg", "src/a.pyi"]


def test_what_no_linter_reads_is_left_out_by_suffix() -> None:
    """Files with a suffix are left out by it, so the number of patterns does not grow with the data."""
    data = [f"data/{number}.csv" for number in range(100)]
    assert patterns_not_linted(["src/a.py", *data, "src/page.html"]) == ["**/*.csv", "**/*.html"]


def test_files_without_a_suffix_are_left_out_by_their_path() -> None:
    """A file without a suffix is left out, and a folder of the same name elsewhere is not."""
    assert patterns_not_linted(["Dockerfile", "requirements", "src/a.py"]) == ["Dockerfile", "requirements"]


@pytest.mark.parametrize("name", ["src/a.py", *SETTINGS])
def test_what_a_linter_reads_stays(name: str) -> None:
    """Python files, type stubs and the files with settings stay."""
    assert patterns_not_linted([name]) == []


def test_a_suffix_of_a_settings_file_is_not_left_out_as_a_whole() -> None:
    """If pyproject.toml is in the source, another TOML file is left out by its path."""
    assert patterns_not_linted(["pyproject.toml", "deep/other.toml"]) == ["deep/other.toml"]


@pytest.mark.parametrize("name", ["data[1", "!data", "a.c*v", "what?"])
def test_a_name_with_a_wildcard_stays(name: str) -> None:
    """A name that would match other files, or be no pattern at all, is not made a pattern."""
    assert patterns_not_linted([name]) == []


@pytest.mark.parametrize(
    ("paths", "count"), [(["src/a.py", "tests/unit/b.py", "data.csv"], 2), (["tests/unit/b.py"], 0), ([], 0)]
)
def test_modules_are_counted_if_src_has_one(paths: list[str], count: int) -> None:
    """All Python modules count, and none if there is none in src/."""
    assert count_linted(paths) == count
