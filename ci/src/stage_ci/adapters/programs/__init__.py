"""Small programs that run inside containers, read as text and handed over as files."""

from importlib import resources


def program(name: str) -> str:
    """Return the text of the program ``name`` of this package."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
