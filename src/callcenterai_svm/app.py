"""The web service: ``uvicorn --factory callcenterai_svm.app:create_app``."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from . import MODEL_NAME
from .limits import BodyLimit
from .loading import ModelLoader
from .routes import router
from .schemas import MAX_BODY_BYTES
from .settings import Settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """Returns the service; it loads its model once it has started.

    Args:
        settings: What to serve; without, the environment and ``.env`` say it.
    """
    settings = settings or Settings()
    loader = ModelLoader(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(loader.run())
        yield
        loading.cancel()
        await asyncio.wait([loading])

    app = FastAPI(
        title=MODEL_NAME,
        summary="The topic of an IT ticket.",
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.loader = loader
    app.add_exception_handler(RequestValidationError, _say_which_field)
    app.add_middleware(BodyLimit, limit=MAX_BODY_BYTES)
    app.include_router(router)
    return app


async def _say_which_field(_: Request, error: Exception) -> JSONResponse:
    """FastAPI's 422 with the field in its message and without the offending input.

    The input may be megabytes, or what JSON cannot say again: NaN, half a surrogate.
    """
    assert isinstance(error, RequestValidationError)
    problems = [
        {
            "type": problem["type"],
            "loc": problem["loc"],
            "msg": f"{_path(problem['loc'])}: {problem['msg']}",
        }
        for problem in error.errors()
    ]
    return JSONResponse({"detail": problems}, status_code=422)


def _path(location: tuple[str | int, ...]) -> str:
    """Writes ("body", "text", 3) as body.text[3]."""
    first, *inner = location
    return f"{first}" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in inner
    )
