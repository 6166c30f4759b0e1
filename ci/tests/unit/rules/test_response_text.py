"""The text of responses that have not the form of a protocol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.rules.response_text import decode, json_message, markup_text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"\xef\xbb\xbfno access", "no access"),
        ("verweigert für ann".encode(), "verweigert für ann"),
        ("verweigert für ann".encode("latin-1"), "verweigert für ann"),
        ("zu lang für ä".encode()[:-1], "zu lang für "),
        ("拒绝访问".encode(), "拒绝访问"),
        ("no text".encode("utf-16"), ""),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ""),
    ],
)
def test_a_body_is_text_in_utf_8_or_latin_1(body: bytes, text: str) -> None:
    """A body is read as UTF-8, also where it was cut within a character, or else as Latin-1; binary data is no text."""
    assert decode(body) == text


@given(st.binary(max_size=60))
def test_any_body_is_decoded(body: bytes) -> None:
    """Any body gives a text, and no exception."""
    assert isinstance(decode(body), str)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html><head>\n<title lang='de'>Fehler &amp;\n mehr</title></head>", "Fehler &\n mehr"),
        ("<?xml version='1.0'?><Error><Code>X</Code><Message>Access Denied</Message></Error>", "Access Denied"),
        ("<html><title></title><body>Sign in", ""),
        ("<html><body><h1>404</h1>", ""),
    ],
)
def test_the_text_of_markup_is_its_title_or_message(text: str, message: str) -> None:
    """The title of a page and the message of an XML error are read, with their escaped characters."""
    assert markup_text(text) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no access", "no access"),
        ({"detail": "none", "Message": " denied\n"}, "denied"),
        ({"message": {"code": 1}, "errors": [None, {"title": "Not Found"}]}, "Not Found"),
        ({"message": ""}, ""),
        ({"path": "/v2"}, ""),
        ({"error": {"error": {"message": "nested"}}}, "nested"),
        (7, ""),
        (None, ""),
    ],
)
def test_the_message_of_json_is_in_one_of_the_members_of_vendors(value: object, message: str) -> None:
    """The message is the first text in the members that vendors use, also in a list or an object."""
    assert json_message(value) == message


def test_the_message_of_json_is_not_nested_deep() -> None:
    """A value that is nested deeper than any message has none."""
    value: object = "deep"
    for _ in range(100_000):
        value = [value]
    assert json_message(value) == ""
