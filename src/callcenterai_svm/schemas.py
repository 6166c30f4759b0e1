"""What goes over the wire, and how much of it."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from .loading import Source
from .topics import Topic

MAX_CHARACTERS: Final = 20_000
"""Characters of one ticket; the longest real ones seen have about 7,000."""

MAX_TICKETS: Final = 256
"""Tickets of one request."""

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Bytes of one request: checked while reading, before anything is parsed."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError(
            "string_blank", "String should hold more than white space"
        )
    return text


TicketText = Annotated[
    str,
    Field(min_length=1, max_length=MAX_CHARACTERS, examples=["my password expired"]),
    AfterValidator(_not_blank),
]


class Ticket(BaseModel):
    """One ticket to classify."""

    text: TicketText


class Tickets(BaseModel):
    """Several tickets to classify in one go."""

    text: Annotated[list[TicketText], Field(min_length=1, max_length=MAX_TICKETS)]


class Prediction(BaseModel):
    """A ticket as it came in, and its topic."""

    input: str
    prediction: Topic


class Predictions(BaseModel):
    """The topics of several tickets, in the order of the request."""

    predictions: list[Topic]


class Service(BaseModel):
    """What this service is."""

    service: str
    topics: list[Topic]
    routes: list[str]
    experiment: str | None


class Alive(BaseModel):
    """The process answers."""

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

    status: Literal["ready"] = "ready"
    model: ModelInfo


class NotReady(BaseModel):
    """The service does not predict yet."""

    status: Literal["not ready"] = "not ready"
    reason: str


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str
