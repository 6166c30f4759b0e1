"""The files that the metadata of a package quotes."""

import pytest

from stage_ci.rules.readme import missing_readme


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ('[project]\nreadme = "README.md"\n', ["README.md"]),
        ('[project]\nreadme = {file = "docs/about.rst", content-type = "text/x-rst"}\n', ["docs/about.rst"]),
        ('[project]\nlicense = {file = "LICENSE.md"}\n', ["LICENSE.md"]),
        ('[project]\nlicense = "MIT"\nreadme = "README.md"\n', ["README.md"]),
        ('[tool.poetry]\nreadme = ["README.md", "HISTORY.md"]\n', ["README.md", "HISTORY.md"]),
        ('[project]\nreadme = "present.md"\n', []),
        ('[project]\nreadme = {text = "a library"}\n', []),
        ('[project]\nreadme = "../README.md"\n', []),
        ('[project]\nreadme = "/README.md"\n', []),
        ("", []),
        ("[project", []),
        ("project = 1\ntool = 2\n", []),
    ],
)
def test_a_quoted_file_that_was_not_uploaded_is_missing(text: str, missing: list[str]) -> None:
    """Only files inside the source count; an invalid file quotes nothing."""
    assert missing_readme("pyproject.toml", text, ["pyproject.toml", "present.md"]) == missing


def test_a_file_is_quoted_relative_to_the_package() -> None:
    """The metadata of a package in a folder quotes files of that folder."""
    text = '[project]\nreadme = "README.md"\n'
    assert missing_readme("lib/pyproject.toml", text, ["README.md"]) == ["lib/README.md"]
