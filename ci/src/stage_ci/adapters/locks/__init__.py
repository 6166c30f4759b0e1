"""Requirement files with digests, written by ``make lock``, read as text and handed over as files."""

from importlib import resources


def lock(name: str) -> str:
    """Return the text of the requirement file ``name`` of this package."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
