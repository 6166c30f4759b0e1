"""Bounds what a request can make the service hold in memory."""

from fastapi import HTTPException
from starlette.status import HTTP_413_CONTENT_TOO_LARGE
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses a body with 413 as soon as it is too long, whatever its headers promise.

    Starlette's own limit says neither how much is allowed nor, for a body that declares
    its length, anything in JSON.

    Args:
        app: The application behind.
        limit: The most bytes that one request body may have.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limit:
                detail = f"body: should have at most {self._limit} bytes"
                raise HTTPException(HTTP_413_CONTENT_TOO_LARGE, detail)
            return message

        await self._app(scope, counted, send)
