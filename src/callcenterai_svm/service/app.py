"""The web service: ``uvicorn --factory callcenterai_svm.service.app:create_app``."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import ValidationError

from .. import MODEL_NAME
from . import documentation, logs
from .browsing import add_docs
from .loading import ModelLoader
from .routes import Endpoints, add_routes
from .serving import Front
from .settings import Settings
from .telemetry import Metrics


def create_app(settings: Settings | None = None) -> Front:
    """Returns the service; it loads its model once it has started.

    Args:
        settings: What to serve. Without, the environment and ``.env`` say it, and
            everything that this process logs becomes lines of JSON.

    Raises:
        SystemExit: If a setting cannot be used; one line that names it, for a person.
    """
    if settings is None:
        settings = _own_settings()
        logs.configure(settings.log_level)
    loader = ModelLoader(settings)
    metrics = Metrics(loader)

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
        # FastAPI's own pages load what they show from elsewhere.
        docs_url=None,
        redoc_url=None,
        # To /predict/ it would answer with an address in plain http, whatever the proxy's.
        redirect_slashes=False,
    )
    add_docs(app)
    add_routes(app, Endpoints(settings, loader, metrics))
    return Front(app, metrics)


def _own_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = (f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        sys.exit(f"settings: {'; '.join(wrong)}")
