"""The patterns of a .dockerignore."""

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
    """A leading slash, a blank after `!`, a byte order mark and CRLF do not change the meaning of a pattern."""
    assert patterns(text) == read
