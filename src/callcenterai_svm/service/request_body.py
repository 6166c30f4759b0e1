"""Reads and validates the body of a request, and rejects it as early as possible."""

import asyncio
import re
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.status import (
    HTTP_408_REQUEST_TIMEOUT,
    HTTP_413_CONTENT_TOO_LARGE,
    HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    HTTP_422_UNPROCESSABLE_CONTENT,
)
from starlette.types import Receive, Scope

from .limits import MAX_BODY_BYTES, MAX_BODY_SECONDS
from .schemas import Problem, WrongField, WrongFields

Model = TypeVar("Model", bound=BaseModel)

# RFC 6839, section 3.1. A charset parameter has no effect: JSON is always UTF-8 (RFC
# 8259, section 8.1).
JSON_TYPE: Final = re.compile(rb"application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)


class RequestRejected(Exception):
    """A request that gets an error response.

    Args:
        status: HTTP status of the response.
        body: Body of the response; it names the field or the limit.
    """

    def __init__(self, status: int, body: BaseModel) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class ClientDisconnected(Exception):
    """The client disconnected before it had sent the whole request."""


async def read_body(scope: Scope, receive: Receive, model: type[Model]) -> Model:
    """Returns the validated body of a request.

    Args:
        scope: The ASGI scope of the request.
        receive: Receives the body.
        model: The pydantic model of the body.

    Raises:
        RequestRejected: If the content type is not JSON, or if the body is too long,
            arrives too slowly or does not validate.
        ClientDisconnected: If the client disconnects first.
    """
    body = await _read(scope, receive)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Without the input, which may be megabytes or not representable as JSON.
        problems = error.errors(
            include_url=False, include_context=False, include_input=False
        )
    fields = [
        WrongField(
            type=problem["type"],
            loc=["body", *problem["loc"]],
            msg=f"{_path(problem['loc'])}: {problem['msg']}",
        )
        for problem in problems
    ]
    raise RequestRejected(HTTP_422_UNPROCESSABLE_CONTENT, WrongFields(detail=fields))


async def _read(scope: Scope, receive: Receive) -> bytes:
    """Reads the body; checks the content type and the declared length first."""
    headers = dict(scope["headers"])
    content_type = headers.get(b"content-type", b"")
    if content_type != b"application/json" and not JSON_TYPE.match(content_type):
        detail = "content-type: should be application/json"
        raise RequestRejected(HTTP_415_UNSUPPORTED_MEDIA_TYPE, Problem(detail=detail))
    # The server accepts only a number here.
    _check_size(int(headers.get(b"content-length", 0)))
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            return await _receive_all(receive)
    except TimeoutError:
        detail = f"body: should arrive within {MAX_BODY_SECONDS:g} s"
        problem = Problem(detail=detail)
        raise RequestRejected(HTTP_408_REQUEST_TIMEOUT, problem) from None


async def _receive_all(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        body += message.get("body", b"")
        _check_size(len(body))
        more = message.get("more_body", False)
    return bytes(body)


def _check_size(size: int) -> None:
    if size > MAX_BODY_BYTES:
        detail = f"body: should have at most {MAX_BODY_BYTES} bytes"
        raise RequestRejected(HTTP_413_CONTENT_TOO_LARGE, Problem(detail=detail))


def _path(location: tuple[str | int, ...]) -> str:
    """Formats the location ("text", 3) as body.text[3]."""
    return "body" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in location
    )
