"""Bodies of requests and responses."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool
from pydantic_core import PydanticCustomError

from .. import MODEL_NAME
from ..topics import TOPICS, Topic
from .limits import MAX_BODY_BYTES, MAX_CHARACTERS, MAX_TEXTS
from .loading import Source

TICKET: Final = "my password expired"
TICKETS: Final = [TICKET, "the vendor sent an invoice for the purchase order"]
PROBABILITIES: Final = {topic: 0.93 if topic == "Access" else 0.01 for topic in TOPICS}


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError(
            "string_blank", "String should contain more than white space"
        )
    return text


def _examples(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


TicketText = Annotated[
    str,
    Field(min_length=1, max_length=MAX_CHARACTERS),
    AfterValidator(_not_blank),
]

WantsProbabilities = Annotated[
    StrictBool,
    Field(description="Whether to return the probability of every topic."),
]

Probabilities = dict[Topic, float]


class Ticket(BaseModel):
    """One ticket to classify."""

    model_config = _examples({"text": TICKET}, {"text": TICKET, "probabilities": True})

    text: TicketText
    probabilities: WantsProbabilities = False

    @property
    def texts(self) -> list[str]:
        """The text, as a list of one."""
        return [self.text]


class Tickets(BaseModel):
    """Several tickets to classify in one request."""

    model_config = _examples(
        {"text": TICKETS}, {"text": TICKETS, "probabilities": True}
    )

    # fail_fast: a list of up to a thousand errors would help nobody.
    text: Annotated[
        list[TicketText], Field(min_length=1, max_length=MAX_TEXTS, fail_fast=True)
    ]
    probabilities: WantsProbabilities = False

    @property
    def texts(self) -> list[str]:
        """The texts, in order."""
        return self.text


class Prediction(BaseModel):
    """The text of the request and its topic."""

    model_config = _examples(
        {"input": TICKET, "prediction": "Access"},
        {"input": TICKET, "prediction": "Access", "probabilities": PROBABILITIES},
    )

    input: str
    prediction: Topic
    probabilities: Probabilities | None = Field(
        default=None, description="Probability of each topic, if requested."
    )


class Predictions(BaseModel):
    """The topics of several tickets, in the order of the request."""

    model_config = _examples({"predictions": ["Access", "Purchase"]})

    predictions: list[Topic]
    probabilities: list[Probabilities] | None = Field(
        default=None, description="Probabilities of each ticket, if requested."
    )


class Limits(BaseModel):
    """Limits on one request."""

    texts: int
    characters_per_text: int
    body_bytes: int


class Service(BaseModel):
    """Description of the service."""

    model_config = _examples(
        {
            "service": MODEL_NAME,
            "topics": TOPICS,
            "routes": ["/health", "/ready"],
            "limits": {
                "texts": MAX_TEXTS,
                "characters_per_text": MAX_CHARACTERS,
                "body_bytes": MAX_BODY_BYTES,
            },
            "experiment": None,
        }
    )

    service: str
    topics: list[Topic]
    routes: list[str]
    limits: Limits
    experiment: str | None


class Alive(BaseModel):
    """The process is alive."""

    model_config = _examples({"status": "alive"})

    status: Literal["alive"] = "alive"


class ModelInfo(BaseModel):
    """The loaded model.

    The version is the beginning of the model file's SHA-256, so equal models have equal
    versions wherever they come from.
    """

    name: str
    version: str
    source: Source


class Ready(BaseModel):
    """The model is loaded."""

    model_config = _examples(
        {
            "status": "ready",
            "model": {
                "name": MODEL_NAME,
                "version": "9f86d081884c",
                "source": "MODEL_PATH",
            },
        }
    )

    status: Literal["ready"] = "ready"
    model: ModelInfo


class NotReady(BaseModel):
    """The model is not loaded yet."""

    status: Literal["not ready"] = "not ready"
    reason: str


class Problem(BaseModel):
    """Why a request was rejected."""

    detail: str


class WrongField(BaseModel):
    """The problem with one field, without the field's value."""

    type: str
    loc: list[str | int]
    msg: str


class WrongFields(BaseModel):
    """Why a request was rejected, by field."""

    detail: list[WrongField]
