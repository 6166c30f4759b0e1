"""Reads the body of a request in one go, or refuses it as early as possible."""

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

# RFC 6839, section 3.1. Parameters say nothing: JSON is UTF-8 (RFC 8259, section 8.1).
JSON_TYPE: Final = re.compile(rb"application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)


class Refused(Exception):
    """A request that gets another answer than it hoped for.

    Args:
        status: Of HTTP.
        answer: What is wrong, for the client; names the field and the limit.
    """

    def __init__(self, status: int, answer: BaseModel) -> None:
        super().__init__(status)
        self.status = status
        self.answer = answer


class Gone(Exception):
    """The client left before its request was whole."""


async def read(scope: Scope, receive: Receive, model: type[Model]) -> Model:
    """Returns what a request asks for.

    Args:
        scope: The request.
        receive: Gives its body.
        model: What the body should hold.

    Raises:
        Refused: If the body has the wrong type, is too long, too slow, no JSON or no such
            model.
        Gone: If the client is.
    """
    body = await _body(scope, receive)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        # Without the input: it may be megabytes, or what JSON cannot say again.
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
    raise Refused(HTTP_422_UNPROCESSABLE_CONTENT, WrongFields(detail=fields))


async def _body(scope: Scope, receive: Receive) -> bytes:
    """A body that tells its length is refused unread, any other once it is too long."""
    headers = dict(scope["headers"])
    content_type = headers.get(b"content-type", b"")
    if content_type != b"application/json" and not JSON_TYPE.match(content_type):
        detail = "content-type: should be application/json"
        raise Refused(HTTP_415_UNSUPPORTED_MEDIA_TYPE, Problem(detail=detail))
    # A number, or the server would not have let it in.
    _check(int(headers.get(b"content-length", 0)))
    try:
        async with asyncio.timeout(MAX_BODY_SECONDS):
            return await _whole(receive)
    except TimeoutError:
        detail = f"body: should arrive within {MAX_BODY_SECONDS:g} s"
        raise Refused(HTTP_408_REQUEST_TIMEOUT, Problem(detail=detail)) from None


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        _check(len(body))
        more = message.get("more_body", False)
    return bytes(body)


def _check(size: int) -> None:
    if size > MAX_BODY_BYTES:
        detail = f"body: should have at most {MAX_BODY_BYTES} bytes"
        raise Refused(HTTP_413_CONTENT_TOO_LARGE, Problem(detail=detail))


def _path(location: tuple[str | int, ...]) -> str:
    """Writes ("text", 3) as body.text[3]."""
    return "body" + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in location
    )
