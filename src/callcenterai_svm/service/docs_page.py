"""The page /docs: Swagger UI, served from the image for clusters without internet."""

import functools
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response

PAGE: Final = Path(__file__).with_name("docs.html")

SCRIPT: Final = Path(__file__).with_name("docs.js")

PACKAGE: Final = "fastapi_swagger"
"""Contains the release files of Swagger UI; its Python code is not used."""

ASSETS: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")

TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".png": "image/png",
}

HEADERS: Final = {
    # Blocks all other hosts, in both directions. Swagger UI needs inline styles.
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    # The next version of the image may contain other files.
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
}


def add_docs(app: FastAPI) -> None:
    """Adds the page and its assets to an application, but not to /openapi.json.

    Raises:
        ModuleNotFoundError: If the package with Swagger UI is not installed.
    """
    swagger_ui = _swagger_ui()
    for path, file in {
        "/docs": PAGE,
        "/docs/docs.js": SCRIPT,
        **{f"/docs/{name}": swagger_ui / name for name in ASSETS},
    }.items():
        app.add_route(
            path, functools.partial(_send, file=file), include_in_schema=False
        )


async def _send(_: Request, file: Path) -> Response:
    # Read in the event loop: importing a thread pool for it would take longer.
    return Response(file.read_bytes(), 200, HEADERS, TYPES[file.suffix])


def _swagger_ui() -> Path:
    # Locates the package without importing it.
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    return Path(spec.origin).with_name("resources")
