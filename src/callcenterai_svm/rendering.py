"""Fills the templates of the documents that a training writes."""

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

TEMPLATES: Final = Path(__file__).with_name("templates")


def rendered(template: str, **values: Any) -> str:
    """Returns a template with its values filled in; in HTML they are escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["share"] = _share
    return environment.get_template(template).render(values)


def _share(value: float) -> str:
    """Writes 0.8547 as 85.5 %, with a space that does not break."""
    return f"{value:.1%}".replace("%", "\N{NO-BREAK SPACE}%")
