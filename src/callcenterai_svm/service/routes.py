"""The six routes; those that predict refuse with 503 until there is a model."""

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Final

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from starlette.status import HTTP_503_SERVICE_UNAVAILABLE

from .. import MODEL_NAME
from ..topics import TOPICS, Topic
from . import documentation, limits, schemas, telemetry
from .loading import Model, ModelLoader
from .reading import Refused
from .serving import PredictionRoute
from .settings import Settings

ROUTES: Final = ("/health", "/ready", "/metrics", "/predict", "/predict_one", "/docs")


class Endpoints:
    """What the routes do.

    Args:
        settings: What the service was made with.
        loader: Holds the model, or the reason why there is none.
        metrics: Count the predictions.
    """

    def __init__(
        self, settings: Settings, loader: ModelLoader, metrics: telemetry.Metrics
    ) -> None:
        self._settings = settings
        self._loader = loader
        self._metrics = metrics
        # Two batches share one interpreter: side by side, neither would be faster.
        self._batch = asyncio.Lock()

    async def describe(self) -> schemas.Service:
        """What this service is and where to go from here."""
        return schemas.Service(
            service=MODEL_NAME,
            topics=list(TOPICS),
            routes=list(ROUTES),
            limits=schemas.Limits(
                texts=limits.MAX_TEXTS,
                characters_per_text=limits.MAX_CHARACTERS,
                body_bytes=limits.MAX_BODY_BYTES,
            ),
            experiment=self._settings.experiment_name,
        )

    async def health(self) -> schemas.Alive:
        """Whether the process answers; says nothing about the model."""
        return schemas.Alive()

    async def ready(self, response: Response) -> schemas.Ready | schemas.NotReady:
        """Whether the service predicts, and with which model; 503 and a reason if not."""
        model = self._loader.model
        if model is None:
            response.status_code = HTTP_503_SERVICE_UNAVAILABLE
            return schemas.NotReady(reason=self._loader.reason)
        return schemas.Ready(
            model=schemas.ModelInfo(
                name=MODEL_NAME, version=model.version, source=self._loader.source
            )
        )

    async def metrics(self) -> Response:
        """What Prometheus fetches: requests, durations, predictions, the model."""
        return Response(self._metrics.page(), media_type=telemetry.CONTENT_TYPE)

    async def predict(self, tickets: schemas.Tickets) -> schemas.Predictions:
        """The topics of several tickets, in their order."""
        topics, probabilities = await self._predicted(tickets)
        return schemas.Predictions(predictions=topics, probabilities=probabilities)

    async def predict_one(self, ticket: schemas.Ticket) -> schemas.Prediction:
        """The topic of one ticket."""
        (topic,), probabilities = await self._predicted(ticket)
        return schemas.Prediction(
            input=ticket.text,
            prediction=topic,
            probabilities=probabilities[0] if probabilities else None,
        )

    async def _predicted(
        self, asked: schemas.Ticket | schemas.Tickets
    ) -> tuple[list[Topic], list[schemas.Probabilities] | None]:
        model = self._loader.model
        if model is None:
            problem = schemas.Problem(detail=f"not ready: {self._loader.reason}")
            raise Refused(HTTP_503_SERVICE_UNAVAILABLE, problem)
        texts, wanted = asked.texts, asked.probabilities
        if sum(map(len, texts)) <= limits.MAX_CHARACTERS_AT_ONCE:
            # A thread would cost more than this takes.
            found = _ask(model, texts, wanted)
        else:
            async with self._batch:
                found = await asyncio.to_thread(_ask, model, texts, wanted)
        self._metrics.predicted(found[0])
        return found


def _ask(
    model: Model, texts: Sequence[str], wanted: bool
) -> tuple[list[Topic], list[schemas.Probabilities] | None]:
    topics = model.predict(texts)
    if not wanted:
        return topics, None
    rows = model.probabilities(texts).tolist()
    return topics, [dict(zip(model.topics, row, strict=True)) for row in rows]


def add_routes(app: FastAPI, endpoints: Endpoints) -> None:
    """Gives a service its routes, and its documentation what they say."""
    add = app.add_api_route
    about: list[str | Enum] = [documentation.OPERATION]
    add("/", endpoints.describe, tags=about, summary="What this is")
    add("/health", endpoints.health, tags=about, summary="Alive")
    add(
        "/ready",
        endpoints.ready,
        tags=about,
        summary="Ready to predict",
        responses=documentation.NOT_READY,
    )
    add(
        "/metrics",
        endpoints.metrics,
        tags=about,
        summary="Metrics for Prometheus",
        response_class=PlainTextResponse,
        responses=documentation.METRICS,
    )
    for path, endpoint, reads, summary in (
        ("/predict", endpoints.predict, schemas.Tickets, "Several tickets"),
        ("/predict_one", endpoints.predict_one, schemas.Ticket, "One ticket"),
    ):
        app.router.routes.append(
            PredictionRoute(
                path,
                endpoint,
                reads=reads,
                tags=[documentation.PREDICTION],
                summary=summary,
                responses=documentation.REFUSALS,
            )
        )
