"""Small programs that the module copies into containers and runs there."""

from importlib import resources


def program(name: str) -> str:
    """Return the text of the program ``name`` of this package."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
