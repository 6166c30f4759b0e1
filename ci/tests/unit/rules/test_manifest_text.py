"""The diff of two versions is a patch that git applies."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stage_ci.rules.manifest import diff

LINES = [f"line {number}\n" for number in range(1, 21)]
BEFORE = "".join(LINES).encode()


def change_lines(*numbers: int) -> bytes:
    """Return the twenty lines with the numbered ones in upper case."""
    return "".join(line.upper() if number in numbers else line for number, line in enumerate(LINES, 1)).encode()


def git_apply(folder: Path, before: bytes, patch: str) -> bytes:
    """Return the file that `git apply` makes of `before` and a patch."""
    (folder / "svm.yaml").write_bytes(before)
    command = ["git", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(command, input=patch.encode(), cwd=folder, check=True, capture_output=True)
    return (folder / "svm.yaml").read_bytes()


def test_equal_versions_have_an_empty_diff() -> None:
    """The diff of a file with itself is empty."""
    assert diff(BEFORE, BEFORE, filename="svm.yaml") == ""


def test_a_change_has_three_lines_of_context() -> None:
    """A changed line is shown with three lines before and after it, as git shows it."""
    assert diff(BEFORE, change_lines(9), filename="manifests/svm.yaml") == (
        "--- a/manifests/svm.yaml\n+++ b/manifests/svm.yaml\n@@ -6,7 +6,7 @@\n"
        " line 6\n line 7\n line 8\n-line 9\n+LINE 9\n line 10\n line 11\n line 12\n"
    )


@pytest.mark.parametrize(
    ("numbers", "heads"),
    [
        ((1,), ["@@ -1,4 +1,4 @@"]),
        ((20,), ["@@ -17,4 +17,4 @@"]),
        ((5, 6), ["@@ -2,8 +2,8 @@"]),
        ((5, 12), ["@@ -2,14 +2,14 @@"]),
        ((5, 13), ["@@ -2,7 +2,7 @@", "@@ -10,7 +10,7 @@"]),
    ],
)
def test_changes_with_touching_contexts_share_a_hunk(numbers: tuple[int, ...], heads: list[str]) -> None:
    """Changes up to seven lines apart are one hunk; others have their own."""
    lines = diff(BEFORE, change_lines(*numbers), filename="svm.yaml").splitlines()
    assert [line for line in lines if line.startswith("@@")] == heads


def test_adjacent_changes_show_all_old_lines_before_the_new_ones() -> None:
    """Two adjacent changed lines are removed together and then added together."""
    lines = diff(BEFORE, change_lines(5, 6), filename="svm.yaml").splitlines()
    assert [line for line in lines[3:] if line[0] != " "] == ["-line 5", "-line 6", "+LINE 5", "+LINE 6"]


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a: 1\r\nb: 2\r\n", b"a: 1\r\nb: 3\r\n"),
        (b"a: 1\nb: 2", b"a: 1\nb: 3"),
        (b"a: 1\nb: 2", b"a: 0\nb: 2"),
        (b"\xef\xbb\xbfa: 1\n", b"\xef\xbb\xbfa: 2\n"),
        ("a: 1\u2028\x0b\x85\n".encode(), "a: 2\u2028\x0b\x85\n".encode()),
        (b"a: 1\rb: 2\r", b"a: 1\rb: 3\r"),
        (b"a: 1\n", b"a: 1"),
        (b"a: 1\nb: 2\n", b"a: 1\nx: 0\nb: 2\n"),
    ],
    ids=["crlf", "open end", "open context", "mark", "other breaks", "cr", "end lost", "line more"],
)
def test_the_diff_is_a_patch(before: bytes, after: bytes, tmp_path: Path) -> None:
    """Git turns the diff into the new version byte by byte, for any line breaks, last line or byte order mark."""
    assert git_apply(tmp_path, before, diff(before, after, filename="svm.yaml")) == after


CONTENT = st.lists(st.sampled_from(["a: 1", "b: 2", "c: 3\r", ""]), min_size=2, max_size=25).map("\n".join)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=CONTENT, numbers=st.sets(st.integers(0, 24), min_size=1))
def test_the_diff_of_any_changed_lines_is_a_patch(before: str, numbers: set[int], tmp_path: Path) -> None:
    """Git turns the diff of generated lines into the new version byte by byte."""
    lines = before.split("\n")
    after = "\n".join(f"{line}é" if number in numbers else line for number, line in enumerate(lines))
    patch = diff(f"x{before}".encode(), f"x{after}".encode(), filename="svm.yaml")
    if before != after:
        assert git_apply(tmp_path, f"x{before}".encode(), patch) == f"x{after}".encode()
