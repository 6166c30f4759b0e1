"""Which files a source has, and one that was uploaded without the filter of --source."""

import pytest

from stage_ci.errors import InvalidInput
from stage_ci.rules.source import present_files, raise_if_unfiltered


@pytest.mark.fault(34)
@pytest.mark.parametrize("name", [".env", ".git"])
def test_an_unfiltered_source_is_rejected(name: str) -> None:
    """A source that contains a file that the filter excludes is an error that names the file and the flag to use."""
    with pytest.raises(
        InvalidInput, match=rf"^source: the source was not filtered and holds \{name}; give .* --source"
    ):
        raise_if_unfiltered(["Dockerfile", name, "src"])


def test_a_filtered_source_is_accepted() -> None:
    """A source with the hidden files that configure the checks is accepted."""
    raise_if_unfiltered([".flake8", ".dockerignore", ".trivyignore.yaml", "Dockerfile", "src"])


@pytest.mark.parametrize(
    ("paths", "present"),
    [
        (["requirements", "requirements.dev", "src/x.py"], ["requirements", "requirements.dev"]),
        (["requirements.dev", "requirements/base.txt"], ["requirements.dev"]),
        (["requirements.txt"], []),
        ([], []),
    ],
)
def test_the_requirement_files_that_exist_are_installed(paths: list[str], present: list[str]) -> None:
    """A file that does not exist is left out, and a folder that a file includes may have the name of another one."""
    assert present_files(["requirements", "requirements.dev"], paths) == present


def test_a_folder_instead_of_a_requirement_file_is_rejected() -> None:
    """A folder alone would leave out all packages without a word; the error says how to name its files."""
    with pytest.raises(InvalidInput, match=r"^source: requirements is a folder, .* such as `-r requirements/base"):
        present_files(["requirements", "requirements.dev"], ["requirements/base.txt", "requirements/dev.txt"])
