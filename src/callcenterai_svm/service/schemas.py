"""What goes over the wire."""

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
            "string_blank", "String should hold more than white space"
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
    Field(description="Whether to answer with the probability of every topic too."),
]

Probabilities = dict[Topic, float]


class Ticket(BaseModel):
    """One ticket to classify."""

    model_config = _examples({"text": TICKET}, {"text": TICKET, "probabilities": True})

    text: TicketText
    probabilities: WantsProbabilities = False

    @property
    def texts(self) -> list[str]:
        """The text, as the only one."""
        return [self.text]


class Tickets(BaseModel):
    """Several tickets to classify in one go."""

    model_config = _examples(
        {"text": TICKETS}, {"text": TICKETS, "probabilities": True}
    )

    # The first ticket that is wrong will do: to list a thousand helps nobody.
    text: Annotated[
        list[TicketText], Field(min_length=1, max_length=MAX_TEXTS, fail_fast=True)
    ]
    probabilities: WantsProbabilities = False

    @property
    def texts(self) -> list[str]:
        """The texts, in their order."""
        return self.text


class Prediction(BaseModel):
    """A ticket as it came in, and its topic."""

    model_config = _examples(
        {"input": TICKET, "prediction": "Access"},
        {"input": TICKET, "prediction": "Access", "probabilities": PROBABILITIES},
    )

    input: str
    prediction: Topic
    probabilities: Probabilities | None = Field(
        default=None, description="Only where they were asked for."
    )


class Predictions(BaseModel):
    """The topics of several tickets, in the order of the request."""

    model_config = _examples({"predictions": ["Access", "Purchase"]})

    predictions: list[Topic]
    probabilities: list[Probabilities] | None = Field(
        default=None, description="Only where they were asked for, in the same order."
    )


class Limits(BaseModel):
    """What one request may hold."""

    texts: int
    characters_per_text: int
    body_bytes: int


class Service(BaseModel):
    """What this service is."""

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
    """The process answers."""

    model_config = _examples({"status": "alive"})

    status: Literal["alive"] = "alive"


class ModelInfo(BaseModel):
    """The model that predicts.

    The version is the start of the digest of the model's file: equal models have equal
    versions, wherever they come from.
    """

    name: str
    version: str
    source: Source


class Ready(BaseModel):
    """The service predicts."""

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
    """The service does not predict yet."""

    status: Literal["not ready"] = "not ready"
    reason: str


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


class WrongField(BaseModel):
    """What is wrong with one field, without what was in it."""

    type: str
    loc: list[str | int]
    msg: str


class WrongFields(BaseModel):
    """Why a request was refused, by field."""

    detail: list[WrongField]
