"""The smoke test of a started image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput
from stage_ci.rules.smoke import SmokeTest


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("Hardware=my screen is black", SmokeTest(8000, "my screen is black", "Hardware")),
        ("HR Support = two days of leave ", SmokeTest(8000, "two days of leave", "HR Support")),
        ("my screen is black", SmokeTest(8000, "my screen is black")),
        ("=a=b", SmokeTest(8000, "a=b")),
        ("Access=password=wrong", SmokeTest(8000, "password=wrong", "Access")),
    ],
)
def test_a_request_is_a_ticket_with_or_without_its_topic(text: str, test: SmokeTest) -> None:
    """The text before the first equals sign is the topic; without an equals sign there is no topic."""
    assert SmokeTest.parse(8000, text) == test


@pytest.mark.parametrize("text", ["", " ", "=", "Hardware=", "Hardware= \n"])
def test_a_request_without_a_text_is_rejected(text: str) -> None:
    """A smoke request whose ticket is empty is an error that quotes the request."""
    with pytest.raises(InvalidInput) as rejected:
        SmokeTest.parse(8000, text)
    assert str(rejected.value) == (
        f"smoke: invalid --smoke-request={text!r}: expected the text of a ticket; give TOPIC=TEXT, or TEXT alone"
    )


@given(st.text(), st.text().filter(str.strip))
def test_any_text_can_be_a_ticket(topic: str, text: str) -> None:
    """A text with equals signs needs no escape if a topic precedes it."""
    topic = topic.replace("=", "")
    assert SmokeTest.parse(1, f"{topic}={text}") == SmokeTest(1, text.strip(), topic.strip())


@pytest.mark.parametrize("port", [-1, 0, 65_536])
def test_a_port_outside_of_16_bits_is_rejected(port: int) -> None:
    """A port that no service can listen on is an error that names the flag."""
    with pytest.raises(InvalidInput, match=rf"^smoke: invalid --service-port={port}; give a port from 1 to 65535$"):
        SmokeTest.parse(port, "my screen is black")
