"""Tests of the smallest service."""

from service import predict


def test_a_ticket_has_a_topic() -> None:
    """A text gets a topic."""
    assert predict("screen is black") == "Hardware"
