"""Texts of /docs and /openapi.json: tags, description, and examples of error responses."""

from typing import Any, Final

from pydantic import BaseModel
from starlette.status import (
    HTTP_200_OK,
    HTTP_408_REQUEST_TIMEOUT,
    HTTP_413_CONTENT_TOO_LARGE,
    HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    HTTP_422_UNPROCESSABLE_CONTENT,
    HTTP_503_SERVICE_UNAVAILABLE,
)

from .limits import MAX_BODY_BYTES, MAX_BODY_SECONDS, MAX_CHARACTERS, MAX_TEXTS
from .schemas import NotReady, Problem, WrongFields

PREDICTION: Final = "Prediction"
OPERATION: Final = "Operation"

TAGS: Final = [
    {"name": PREDICTION, "description": "The topics of tickets."},
    {"name": OPERATION, "description": "For operators of the service."},
]
"""In the order in which /docs shows them."""

DESCRIPTION: Final = (
    f"A request may have up to {MAX_TEXTS:,} tickets of up to {MAX_CHARACTERS:,} characters "
    f"each, and a body of up to {MAX_BODY_BYTES:,} bytes. Requests over a limit are rejected "
    "with an error that names the limit. Every response has an `x-request-id` header, "
    "which also appears in the service's log."
)

API_VERSION: Final = "1"
"""Version of the HTTP API; /ready reports the version of the model."""

Responses = dict[int | str, dict[str, Any]]

_REASON: Final = (
    "MODEL_URI: download timed out after 10 s; "
    "check the address of the MLflow server or raise MODEL_TIMEOUT"
)


def _error_response(
    description: str, model: type[BaseModel], **example: Any
) -> dict[str, Any]:
    return {
        "description": description,
        "model": model,
        "content": {"application/json": {"example": example}},
    }


NOT_READY: Final[Responses] = {
    HTTP_503_SERVICE_UNAVAILABLE: _error_response(
        "The model is not loaded yet.", NotReady, status="not ready", reason=_REASON
    )
}

METRICS: Final[Responses] = {
    HTTP_200_OK: {
        "description": "Metrics in the Prometheus text format.",
        "content": {"text/plain": {"example": "callcenterai_ready 1.0\n"}},
    }
}

ERROR_RESPONSES: Final[Responses] = {
    HTTP_408_REQUEST_TIMEOUT: _error_response(
        "The body did not arrive in time.",
        Problem,
        detail=f"body: should arrive within {MAX_BODY_SECONDS:g} s",
    ),
    HTTP_413_CONTENT_TOO_LARGE: _error_response(
        "The body is too long.",
        Problem,
        detail=f"body: should have at most {MAX_BODY_BYTES} bytes",
    ),
    HTTP_415_UNSUPPORTED_MEDIA_TYPE: _error_response(
        "The content type is not JSON.",
        Problem,
        detail="content-type: should be application/json",
    ),
    HTTP_422_UNPROCESSABLE_CONTENT: _error_response(
        "The body is not valid JSON, or a field is invalid.",
        WrongFields,
        detail=[
            {
                "type": "missing",
                "loc": ["body", "text"],
                "msg": "body.text: Field required",
            }
        ],
    ),
    HTTP_503_SERVICE_UNAVAILABLE: _error_response(
        "The model is not loaded yet.", Problem, detail=f"not ready: {_REASON}"
    ),
}
