"""The web service: ``uvicorn --factory callcenterai_svm.service.app:create_app``."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import ValidationError

from .. import MODEL_NAME
from . import documentation, logs
from .docs_page import add_docs
from .loading import ModelLoader
from .routes import Endpoints, add_routes
from .serving import ObservabilityMiddleware
from .settings import Settings
from .telemetry import ServiceMetrics


def create_app(settings: Settings | None = None) -> ObservabilityMiddleware:
    """Creates the application, which loads its model after it has started.

    Args:
        settings: The settings. If None, they come from the environment and ``.env``, and
            all logging of this process becomes JSON lines.

    Raises:
        SystemExit: If a setting is invalid, with a one-line message that names it.
    """
    if settings is None:
        settings = _read_settings()
        logs.configure(settings.log_level)
    loader = ModelLoader(settings)
    metrics = ServiceMetrics(loader)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(loader.run())
        yield
        loading.cancel()
        await asyncio.wait([loading])

    app = FastAPI(
        title=MODEL_NAME,
        version=documentation.API_VERSION,
        summary="The topic of an IT ticket.",
        description=documentation.DESCRIPTION,
        openapi_tags=documentation.TAGS,
        lifespan=lifespan,
        # FastAPI's own pages load their assets from the internet.
        docs_url=None,
        redoc_url=None,
        # The redirect of /predict/ would be to http, even behind a proxy with https.
        redirect_slashes=False,
    )
    add_docs(app)
    add_routes(app, Endpoints(settings, loader, metrics))
    return ObservabilityMiddleware(app, metrics)


def _read_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = (f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        sys.exit(f"settings: {'; '.join(wrong)}")
