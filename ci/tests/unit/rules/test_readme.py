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
        ('[project]\nlicense-files = ["LICENSE", "licenses/*"]\n', ["LICENSE"]),
        ('[project]\nlicense-files = {paths = ["LICENSE"]}\n', []),
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


@pytest.mark.parametrize(
    "line",
    [
        'long_description=open("README.md").read()',
        "text = (HERE / 'README.md').read_text()",
        'with io.open(os.path.join(here, "README.md"), encoding="utf-8") as file:',
        "read('README.md') + read(\"README.md\") + read('present.md')",
    ],
)
def test_a_file_that_a_setup_script_opens_is_missing(line: str) -> None:
    """The names of Markdown files in a setup.py are those that it reads, relative to its folder."""
    assert missing_readme("setup.py", f"import os\n{line}\n", ["setup.py", "present.md"]) == ["README.md"]
    assert missing_readme("lib/setup.py", line, ["README.md", "lib/present.md"]) == ["lib/README.md"]


@pytest.mark.parametrize("line", ["", "# README.md", "url='https://host/README.md'", "x = '/README.md'", "x = 'a.txt'"])
def test_a_setup_script_without_a_markdown_file_misses_nothing(line: str) -> None:
    """An address, a path outside of the source and a comment are not files of the source."""
    assert missing_readme("setup.py", line, ["setup.py"]) == []
