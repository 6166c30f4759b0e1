"""The shortest way from the bytes of a request to an endpoint and back.

FastAPI's own way takes 120 µs where this takes less than 20: a dozen wrappers, a body that is first
parsed and then validated, an answer that is validated again. The model itself needs 50 µs
for a ticket. So FastAPI documents the routes and answers all that is no prediction;
those that predict are entered directly, read and written with one call of pydantic each.
"""

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.status import HTTP_200_OK, HTTP_408_REQUEST_TIMEOUT
from starlette.status import HTTP_500_INTERNAL_SERVER_ERROR as INTERNAL_ERROR
from starlette.types import Message, Receive, Scope, Send

from . import logs
from .reading import Gone, Refused, read
from .schemas import Problem, Ticket, Tickets
from .telemetry import Metrics

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

UNKNOWN: Final = "unknown"
"""The route of any other path and the method of any other word, for all who count."""

TEXTS: Final = "callcenterai_svm.texts"
"""Where a request's scope says how many tickets it holds."""

CLIENT_GONE: Final = 499
"""The status, nginx's word for it, of a request that was left or cut off."""

UNEXPECTED: Final = Problem(detail="unexpected; the log has more")

# What a proxy gives; anything else is not worth repeating in a log.
REQUEST_ID: Final = re.compile(rb"[\w.-]{1,64}", re.ASCII)

log = logging.getLogger(__name__)


class PredictionRoute(APIRoute):
    """A route whose endpoint takes tickets and returns predictions.

    Args:
        path: Of the URL.
        endpoint: Takes a ``reads``, returns what is sent or raises ``Refused``.
        reads: What the body holds.
        options: FastAPI's, to document the route.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Any], Awaitable[BaseModel]],
        *,
        reads: type[Ticket] | type[Tickets],
        **options: Any,
    ) -> None:
        super().__init__(path, endpoint, methods=["POST"], **options)
        self._reads = reads

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes what FastAPI has found to be for this route's path."""
        if scope["method"] == "POST":
            await self.answer(scope, receive, send)
        else:
            # Refuses, and says what is allowed.
            await super().handle(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a POST."""
        try:
            tickets = await read(scope, receive, self._reads)
            scope[TEXTS] = len(tickets.texts)
            status, answer = HTTP_200_OK, await self.endpoint(tickets)
        except Refused as refusal:
            status, answer = refusal.status, refusal.answer
        except Gone:
            return
        await send_json(send, status, answer)


class Front:
    """Takes every request: numbers it, sends it on its way, observes how it ends.

    Args:
        app: Answers what is no prediction.
        metrics: Count the requests.
    """

    def __init__(self, app: FastAPI, metrics: Metrics) -> None:
        app.add_exception_handler(Exception, _unexpected)
        self._app = app
        self._metrics = metrics
        self._predicting = {
            route.path: route
            for route in app.routes
            if isinstance(route, PredictionRoute)
        }
        # No path holds a parameter: each is its own template.
        self._paths = {getattr(route, "path", "") for route in app.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        # A proxy may keep the prefix under which it knows the service.
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            if scope["method"] == "POST" and path in self._predicting:
                await self._predicting[path].answer(scope, receive, exchange.send)
            else:
                await self._app(scope, receive, exchange.send)
        except Exception as error:
            log.error("failed", exc_info=error, extra={"fields": {"id": exchange.id}})
            if not exchange.status:
                await send_json(exchange.send, INTERNAL_ERROR, UNEXPECTED)
        finally:
            self._observe(scope, path, exchange)

    def _observe(self, scope: Scope, path: str, exchange: "_Exchange") -> None:
        seconds = time.perf_counter() - exchange.started
        method = scope["method"] if scope["method"] in METHODS else UNKNOWN
        route = path if path in self._paths else UNKNOWN
        status = exchange.status or CLIENT_GONE
        self._metrics.request(method, route, status, seconds)
        logs.request(exchange.id, method, route, status, seconds, scope.get(TEXTS, 0))


class _Exchange:
    """A request on its way: its number, its start, and its status once that is sent."""

    __slots__ = ("id", "started", "status", "_send")

    def __init__(self, scope: Scope, send: Send) -> None:
        self.started = time.perf_counter()
        self.status = 0
        self._send = send
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        fits = REQUEST_ID.fullmatch(given)
        self.id = given.decode() if fits else secrets.token_hex(8)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self.id.encode()),
            ]
        await self._send(message)


async def _unexpected(_: Request, __: Exception) -> Response:
    """What FastAPI answers, before it lets the exception go on to ``Front``."""
    return JSONResponse(UNEXPECTED.model_dump(), INTERNAL_ERROR)


async def send_json(send: Send, status: int, answer: BaseModel) -> None:
    """Sends an answer; what is not given in it is left out."""
    body = to_json(answer, exclude_none=True)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    if status == HTTP_408_REQUEST_TIMEOUT:
        # What may still come would be taken for the next request.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
