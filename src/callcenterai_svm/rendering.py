"""Renders the templates of the documents that training writes."""

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

TEMPLATES: Final = Path(__file__).with_name("templates")


def render(template: str, **values: Any) -> str:
    """Returns a template with the values filled in; HTML templates escape them."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["percent"] = _percent
    return environment.get_template(template).render(values)


def _percent(value: float) -> str:
    """Formats 0.8547 as 85.5 %, with a no-break space."""
    return f"{value:.1%}".replace("%", "\N{NO-BREAK SPACE}%")
