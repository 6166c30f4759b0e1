"""The fast path from a request to its prediction, and the middleware around all routes.

FastAPI's own path takes 120 µs, for a dozen wrappers, a body that is parsed and then
validated, and a response that is validated again. This one takes less than 20 µs, while
the model needs 50 µs for a ticket. FastAPI therefore documents all routes and answers
most of them, but the prediction routes are called directly, with one pydantic call to
read the request and one to write the response.
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
from .request_body import ClientDisconnected, RequestRejected, read_body
from .schemas import Problem, Ticket, Tickets
from .telemetry import ServiceMetrics

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

UNKNOWN: Final = "unknown"
"""Logged and counted in place of an unknown path or method."""

TEXTS: Final = "callcenterai_svm.texts"
"""Key of the number of tickets in a request's ASGI scope."""

CLIENT_CLOSED_REQUEST: Final = 499
"""Status, as in nginx, of a request whose client left before the response."""

UNEXPECTED: Final = Problem(detail="unexpected error; see the service's log")

# Only safe characters: a request ID is logged and sent back as it is.
REQUEST_ID: Final = re.compile(rb"[\w.-]{1,64}", re.ASCII)

log = logging.getLogger(__name__)


class PredictionRoute(APIRoute):
    """A route whose endpoint takes tickets and returns predictions.

    Args:
        path: URL path.
        endpoint: Takes a ``body_model`` and returns the response's body, or raises
            ``RequestRejected``.
        body_model: The pydantic model of the request's body.
        options: FastAPI's options, which document the route.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[[Any], Awaitable[BaseModel]],
        *,
        body_model: type[Ticket] | type[Tickets],
        **options: Any,
    ) -> None:
        super().__init__(path, endpoint, methods=["POST"], **options)
        self._body_model = body_model

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request that FastAPI has matched to this route's path."""
        if scope["method"] == "POST":
            await self.respond(scope, receive, send)
        else:
            # Responds with 405 and the allowed methods.
            await super().handle(scope, receive, send)

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds to a POST request."""
        try:
            tickets = await read_body(scope, receive, self._body_model)
            scope[TEXTS] = len(tickets.texts)
            status, body = HTTP_200_OK, await self.endpoint(tickets)
        except RequestRejected as rejection:
            status, body = rejection.status, rejection.body
        except ClientDisconnected:
            return
        await send_json(send, status, body)


class ObservabilityMiddleware:
    """ASGI middleware that gives each request an ID, logs it and counts it.

    It also calls the prediction routes directly, past FastAPI's own middleware, and turns
    unexpected exceptions into a JSON response.

    Args:
        app: Handles all other requests.
        metrics: Counts the requests.
    """

    def __init__(self, app: FastAPI, metrics: ServiceMetrics) -> None:
        app.add_exception_handler(Exception, _unexpected)
        self._app = app
        self._metrics = metrics
        self._prediction_routes = {
            route.path: route
            for route in app.routes
            if isinstance(route, PredictionRoute)
        }
        # No path has parameters, so each is its own route template.
        self._paths = {getattr(route, "path", "") for route in app.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        tracker = _RequestTracker(scope, send)
        # A proxy may pass on the path prefix under which it exposes the service.
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            if scope["method"] == "POST" and path in self._prediction_routes:
                await self._prediction_routes[path].respond(
                    scope, receive, tracker.send
                )
            else:
                await self._app(scope, receive, tracker.send)
        except Exception as error:
            log.error("failed", exc_info=error, extra={"fields": {"id": tracker.id}})
            if not tracker.status:
                await send_json(tracker.send, INTERNAL_ERROR, UNEXPECTED)
        finally:
            self._observe(scope, path, tracker)

    def _observe(self, scope: Scope, path: str, tracker: "_RequestTracker") -> None:
        seconds = time.perf_counter() - tracker.started
        method = scope["method"] if scope["method"] in METHODS else UNKNOWN
        route = path if path in self._paths else UNKNOWN
        status = tracker.status or CLIENT_CLOSED_REQUEST
        self._metrics.observe_request(method, route, status, seconds)
        texts = scope.get(TEXTS, 0)
        logs.log_request(tracker.id, method, route, status, seconds, texts)


class _RequestTracker:
    """The ID and start time of a request, and the status once it is sent."""

    __slots__ = ("id", "started", "status", "_send")

    def __init__(self, scope: Scope, send: Send) -> None:
        self.started = time.perf_counter()
        self.status = 0
        self._send = send
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        valid = REQUEST_ID.fullmatch(given)
        self.id = given.decode() if valid else secrets.token_hex(8)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self.id.encode()),
            ]
        await self._send(message)


async def _unexpected(_: Request, __: Exception) -> Response:
    """Builds FastAPI's response; the exception then goes on to the middleware."""
    return JSONResponse(UNEXPECTED.model_dump(), INTERNAL_ERROR)


async def send_json(send: Send, status: int, body: BaseModel) -> None:
    """Sends a JSON response; fields that are None are left out."""
    content = to_json(body, exclude_none=True)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(content)),
    ]
    if status == HTTP_408_REQUEST_TIMEOUT:
        # The rest of the body may still arrive, and would be read as the next request.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
