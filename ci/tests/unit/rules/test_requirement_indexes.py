"""The indexes that several requirement files name."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput
from stage_ci.rules.requirement_file import RequirementFile
from stage_ci.rules.requirement_indexes import join_indexes


def joined(names: list[str], **texts: str) -> dict[str, str]:
    """Return what is written for files with these texts, in whose names an underscore stands for a slash."""
    files = {name.replace("_", "/"): text for name, text in texts.items()}
    read = {path: RequirementFile.parse(path, text, [*files, "d/simple/x"]).text for path, text in files.items()}
    return join_indexes(read, names)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("-i https://a/\nsix\n", "--index-url https://a/\nsix\n"),
        ("six\n-i https://a/\n--index-url=https://b/\n", "--index-url https://b/\nsix\n"),
        (
            "--extra-index-url https://a/\n-i https://b/\n--extra-index-url https://c/\n",
            "--index-url https://b/\n--extra-index-url https://c/\n",
        ),
        (
            "--extra-index-url https://a/ --extra-index-url https://b/\n",
            "--extra-index-url https://a/\n--extra-index-url https://b/\n",
        ),
        ("-i https://a/\n-r d/x\n", "--index-url https://c/\n--requirement d/x\n"),
        ("-r d/x\n-i https://a/\n", "--index-url https://a/\n--requirement d/x\n"),
        ("-c d/y\nsix\n", "--extra-index-url https://d/\n--constraint d/y\nsix\n"),
        ("-r d/z\n", "--index-url d/simple\n--requirement d/z\n"),
        (
            "--no-index\n-f d/simple\n-i https://a/\nsix\n",
            "--no-index\n--find-links d/simple\n--index-url https://a/\nsix\n",
        ),
        ("-c d/w\n", "--find-links d/simple\n--constraint d/w\n"),
        ("-r d/z\n-r d/x\n", "--index-url https://c/\n--requirement d/z\n--requirement d/x\n"),
    ],
)
def test_the_last_index_of_all_files_counts(text: str, first: str) -> None:
    """An --index-url replaces all indexes before it, in whichever file; one of --extra-index-url is added."""
    included = {
        "d_w": "-f simple\n",
        "d_x": "-i https://c/\none\n",
        "d_y": "--extra-index-url https://d/\ntwo\n",
        "d_z": "-i simple\n-r z\n",
    }
    written = joined(["requirements"], requirements=text, **included)
    assert written.pop("requirements") == first
    assert written == {"d/w": "", "d/x": "one\n", "d/y": "two\n", "d/z": "--requirement z\n"}


def test_the_indexes_of_a_later_file_are_in_the_first_one() -> None:
    """What pip takes together is in one file, also if the files are installed side by side."""
    written = joined(["a", "b"], a="-i https://a/\nsix\n", b="-i https://b/\nattrs\n")
    assert written == {"a": "--index-url https://b/\nsix\n", "b": "attrs\n"}
    assert joined([]) == {}


@given(st.lists(st.sampled_from(["-i", "-r a", "'", "--index-url", "https://a/", "six", "\n", "-c", "=", "x y"])))
def test_any_text_is_written(words: list[str]) -> None:
    """No text of a file ends in a traceback."""
    with contextlib.suppress(InvalidInput):
        assert set(joined(["a"], a=" ".join(words))) == {"a"}
