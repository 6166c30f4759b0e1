"""What /docs and /openapi.json say beyond the models: every refusal, with an example."""

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
    {"name": OPERATION, "description": "For whoever runs the service."},
]
"""In the order of the page."""

DESCRIPTION: Final = (
    f"A request holds at most {MAX_TEXTS:,} tickets, a ticket {MAX_CHARACTERS:,} "
    f"characters, and a body {MAX_BODY_BYTES:,} bytes; what is longer is refused, and the "
    "refusal names the limit. Every answer has a header `x-request-id`, which the "
    "service's log names too."
)

API_VERSION: Final = "1"
"""Of the routes and what they take and give; /ready tells that of the model."""

Responses = dict[int | str, dict[str, Any]]

_REASON: Final = (
    "MODEL_URI: MLflow did not deliver within 10 s; "
    "check its address or raise MODEL_TIMEOUT"
)


def _refusal(
    description: str, model: type[BaseModel], **example: Any
) -> dict[str, Any]:
    return {
        "description": description,
        "model": model,
        "content": {"application/json": {"example": example}},
    }


NOT_READY: Final[Responses] = {
    HTTP_503_SERVICE_UNAVAILABLE: _refusal(
        "There is no model yet.", NotReady, status="not ready", reason=_REASON
    )
}

METRICS: Final[Responses] = {
    HTTP_200_OK: {
        "description": "Prometheus' text format.",
        "content": {"text/plain": {"example": "callcenterai_ready 1.0\n"}},
    }
}

REFUSALS: Final[Responses] = {
    HTTP_408_REQUEST_TIMEOUT: _refusal(
        "The body does not arrive.",
        Problem,
        detail=f"body: should arrive within {MAX_BODY_SECONDS:g} s",
    ),
    HTTP_413_CONTENT_TOO_LARGE: _refusal(
        "The body is too long.",
        Problem,
        detail=f"body: should have at most {MAX_BODY_BYTES} bytes",
    ),
    HTTP_415_UNSUPPORTED_MEDIA_TYPE: _refusal(
        "The body does not say that it is JSON.",
        Problem,
        detail="content-type: should be application/json",
    ),
    HTTP_422_UNPROCESSABLE_CONTENT: _refusal(
        "The body is no JSON, or a field is not as it should be.",
        WrongFields,
        detail=[
            {
                "type": "missing",
                "loc": ["body", "text"],
                "msg": "body.text: Field required",
            }
        ],
    ),
    HTTP_503_SERVICE_UNAVAILABLE: _refusal(
        "There is no model yet.", Problem, detail=f"not ready: {_REASON}"
    ),
}
