"""What a .dockerignore keeps out of a build."""

import pytest

from stage_ci.rules.dockerignore import patterns


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("*\n!src\n!Dockerfile\n", ["*", "!src", "!Dockerfile"]),
        ("*\n!/src\n", ["*", "!src"]),
        ("./build/\n../up\n", ["build", "../up"]),
        ("! src \n", ["!src"]),
        ("# a comment\n\n  \nsecret.txt\n", ["secret.txt"]),
        ("\ufeff*.log\r\ntmp\r\n", ["*.log", "tmp"]),
        ("a//b/./c\n", ["a/b/c"]),
        ("/\n", ["/"]),
        ("!\n", ["!"]),
        ("", []),
    ],
)
def test_a_pattern_is_read_as_the_builder_reads_it(text: str, read: list[str]) -> None:
    """A slash in front, a blank after the sign, a byte order mark or another line end changes no meaning."""
    assert patterns(text) == read
