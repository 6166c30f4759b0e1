"""The encoding, the lines and the credentials of a requirement file."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput
from stage_ci.rules.requirement_text import decode, hide_credentials, is_exact, logical_lines

PINNED = "six==1.17.0  # für alle\n"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (PINNED.encode(), PINNED),
        (PINNED.encode("utf-8-sig"), PINNED),
        (PINNED.encode("utf-16"), PINNED),
        (b"\xfe\xff" + PINNED.encode("utf-16-be"), PINNED),
        (PINNED.encode("utf-32"), PINNED),
        (b"\x00\x00\xfe\xff" + PINNED.encode("utf-32-be"), PINNED),
        (PINNED.encode("utf-16-le"), PINNED),
        (PINNED.encode("utf-16-be"), PINNED),
        (PINNED.encode("latin-1"), PINNED),
        ("six # später… oder “nie”\n".encode("cp1252"), "six # später… oder “nie”\n"),
        (b"six # \x81\n", "six # \x81\n"),
        (f"# -*- coding: cp1250 -*-\n{PINNED}".encode("cp1250"), f"# -*- coding: cp1250 -*-\n{PINNED}"),
        (f"\n# vim: set fileencoding=utf-8 :\n{PINNED}".encode(), f"\n# vim: set fileencoding=utf-8 :\n{PINNED}"),
        ("# coding: koi8-r\nsix # да\n".encode("koi8-r"), "# coding: koi8-r\nsix # да\n"),
        (b"\n\n# coding: koi8-r\nsix # \xc3\xa9\n", "\n\n# coding: koi8-r\nsix # é\n"),
        (b"", ""),
    ],
)
def test_a_file_is_read_in_the_encoding_in_which_it_was_saved(data: bytes, text: str) -> None:
    """Byte order marks, cookies in the first two lines, UTF-16 without a mark, UTF-8 and Latin-1 are recognized."""
    assert decode("requirements", data) == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfes\x00i\x00x", "is not valid utf-16-le"),
        (b"# coding: klingon\nsix\n", "is in an unknown encoding"),
        (b"# coding: undefined\nsix\n", "is in an unknown encoding"),
        (b"# coding: rot13\nsix\n", "is in an unknown encoding"),
        (b"# coding: ascii\nsix # \xe9\n", "is not valid ascii"),
        (b"\xef\xbb\xbfsix # \xe9\n", "is not valid utf-8"),
    ],
)
def test_a_file_in_another_encoding_than_it_says_is_named(data: bytes, reason: str) -> None:
    """The error names the file and the encoding, and says how to save it."""
    with pytest.raises(InvalidInput, match=rf"^source: requirements\.dev {reason}; save it as UTF-8$"):
        decode("requirements.dev", data)


@given(st.binary())
def test_any_content_is_text_or_an_error(data: bytes) -> None:
    """No content of a file ends in a traceback."""
    with contextlib.suppress(InvalidInput):
        assert isinstance(decode("requirements", data), str)


def test_a_text_that_the_engine_has_repaired_is_not_exact() -> None:
    """What is not UTF-8 reaches the module as a replacement character."""
    assert is_exact("six # für alle\n")
    assert not is_exact("six # für alle\n".encode("latin-1").decode(errors="replace"))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n  \n# six\n\t# six\n", []),
        ("six\r\nattrs\r\n", [(1, "six"), (2, "attrs")]),
        ("six\rattrs", [(1, "six"), (2, "attrs")]),
        ("six # seven\nattrs\t# eight\n", [(1, "six"), (2, "attrs")]),
        ("x @ https://host/x.whl#sha256=00 # wheel\n", [(1, "x @ https://host/x.whl#sha256=00")]),
        ("\nsix==\\\n1.17\n", [(2, "six==1.17")]),
        (
            "six \\\n  --hash=sha256:0 \\\n  --hash=sha256:1\nattrs",
            [(1, "six   --hash=sha256:0   --hash=sha256:1"), (4, "attrs")],
        ),
        ("six \\\n# comment\nattrs\n", [(1, "six"), (3, "attrs")]),
        ("six \\\n\nattrs\n", [(1, "six"), (3, "attrs")]),
        ("# comment \\\nsix\n", [(2, "six")]),
        ("six \\", [(1, "six")]),
    ],
)
def test_lines_are_joined_and_comments_removed_as_by_pip(text: str, lines: list[tuple[int, str]]) -> None:
    """A backslash at the end of a line that is no comment continues it; its number is that of the first part."""
    assert list(logical_lines(text)) == lines


@pytest.mark.parametrize(
    ("written", "hidden", "values"),
    [
        ("--index-url https://ann:pw@host/simple\n", "--index-url https://${1}:${2}@host/simple\n", ["ann", "pw"]),
        ("-i https://token@host/simple\n", "-i https://${1}@host/simple\n", ["token"]),
        ("-i https://token:@host/simple\n", "-i https://${1}:@host/simple\n", ["token"]),
        ("x @ git+https://x-oauth:a%40b@host/x@v1\n", "x @ git+https://${1}:${2}@host/x@v1\n", ["x-oauth", "a%40b"]),
        ("-i https://u:p@q@host/\n", "-i https://${1}:${2}@host/\n", ["u", "p@q"]),
        ("https://host/x.whl?sig=s&e=1#sha256=0\n", "https://host/x.whl?${1}#sha256=0\n", ["sig=s&e=1"]),
        ("-i https://host/simple/?key=s\n", "-i https://host/simple/?${1}\n", ["key=s"]),
        ("-f https://t@host/?sig=s&e=1\n", "-f https://${1}@host/?${2}\n", ["t", "sig=s&e=1"]),
        ("-i https://host?key=s\n", "-i https://host?${1}\n", ["key=s"]),
        ("-i https://host/simple/?\n", None, []),
        ("-i https://u:u@a/\n-f https://u@b/\n", "-i https://${1}:${1}@a/\n-f https://${1}@b/\n", ["u"]),
        ("# https://ann:pw@host\n", "# https://${1}:${2}@host\n", ["ann", "pw"]),
        ("-i https://host/simple\nx @ https://host/x@1.whl\n./a@b?c\n", None, []),
        ("-i https://host:8443/@team/simple\n", None, []),
    ],
)
def test_credentials_become_variables(written: str, hidden: str | None, values: list[str]) -> None:
    """User, password and query of a URL are values of variables; host, path and fragment stay."""
    texts, variables = hide_credentials({"requirements": written})
    expected = written if hidden is None else hidden.replace("${", "${STAGE_CI_URL_")
    assert texts == {"requirements": expected}
    assert variables == {f"STAGE_CI_URL_{number}": value for number, value in enumerate(values, 1)}


def test_files_share_the_variables() -> None:
    """Two files with the same credentials use the same variables, and others get the next number."""
    texts, variables = hide_credentials({"a": "-i https://u:p@h/\n", "b": "-i https://u:q@h/\n"})
    assert texts["b"] == "-i https://${STAGE_CI_URL_1}:${STAGE_CI_URL_3}@h/\n"
    assert variables == {"STAGE_CI_URL_1": "u", "STAGE_CI_URL_2": "p", "STAGE_CI_URL_3": "q"}
