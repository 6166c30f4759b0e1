"""Requirement files with digests, written by ``make lock``, which the module copies into containers."""

from importlib import resources


def lock(name: str) -> str:
    """Return the text of the requirement file ``name`` of this package."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
