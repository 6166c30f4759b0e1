"""Tests that fail if another source has left a file in their container."""

from service.train import left


def test_nothing_is_left_by_another_source() -> None:
    """No file of another source is in this container."""
    assert left() == []
