"""Telling a template from a manifest, so that a reader learns more than "invalid YAML".

Helm writes ``{{ … }}`` (https://pkg.go.dev/text/template), Jinja that and ``{% … %}``
(https://jinja.palletsprojects.com/en/stable/templates/).
"""

import re
from typing import Final

REMEDY: Final = "give the rendered manifest, or quote the braces where they are meant as text"

# A comment or a quoted string on one line hides braces; what opens a template is kept in the group.
_OPENING: Final = re.compile(r"""(?<!\S)\#.*|(?<![^\s\[{,])(?:"(?:\\.|[^"\\\n])*+"|'[^'\n]*+')|(\{\{|\{%)""")


def opened(text: str) -> bool:
    """Return whether ``text`` holds an opening at all, wherever."""
    return "{{" in text or "{%" in text


def holds(text: str) -> bool:
    """Return whether ``text`` holds a whole piece of a template."""
    return any(-1 < text.find(opening) < text.rfind(closing) for opening, closing in (("{{", "}}"), ("{%", "%}")))


def first(text: str) -> int | None:
    """Return the position of the first opening outside of comments and quoted strings, in text that is no YAML."""
    return next((found.start() for found in _OPENING.finditer(text) if found[1]), None)
