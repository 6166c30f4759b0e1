"""The six routes. The prediction routes respond with 503 until the model is loaded."""

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
from .request_body import RequestRejected
from .serving import PredictionRoute
from .settings import Settings

ROUTES: Final = ("/health", "/ready", "/metrics", "/predict", "/predict_one", "/docs")


class Endpoints:
    """The endpoints of the routes.

    Args:
        settings: The settings of the service.
        loader: Holds the model, or the reason why there is none.
        metrics: Counts the predictions.
    """

    def __init__(
        self, settings: Settings, loader: ModelLoader, metrics: telemetry.ServiceMetrics
    ) -> None:
        self._settings = settings
        self._loader = loader
        self._metrics = metrics
        # One large batch at a time: the interpreter lock allows no more to run anyway.
        self._batch = asyncio.Lock()

    async def describe(self) -> schemas.Service:
        """Describes the service: its topics, routes and limits."""
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
        """Reports that the process is alive, whether or not the model is loaded."""
        return schemas.Alive()

    async def ready(self, response: Response) -> schemas.Ready | schemas.NotReady:
        """Reports the model, or 503 and the reason why there is none yet."""
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
        """Exposes requests, durations, predictions and the model to Prometheus."""
        return Response(self._metrics.exposition(), media_type=telemetry.CONTENT_TYPE)

    async def predict(self, tickets: schemas.Tickets) -> schemas.Predictions:
        """Predicts the topics of several tickets, in order."""
        topics, probabilities = await self._classify(tickets)
        return schemas.Predictions(predictions=topics, probabilities=probabilities)

    async def predict_one(self, ticket: schemas.Ticket) -> schemas.Prediction:
        """Predicts the topic of one ticket."""
        (topic,), probabilities = await self._classify(ticket)
        return schemas.Prediction(
            input=ticket.text,
            prediction=topic,
            probabilities=probabilities[0] if probabilities else None,
        )

    async def _classify(
        self, request: schemas.Ticket | schemas.Tickets
    ) -> tuple[list[Topic], list[schemas.Probabilities] | None]:
        model = self._loader.model
        if model is None:
            problem = schemas.Problem(detail=f"not ready: {self._loader.reason}")
            raise RequestRejected(HTTP_503_SERVICE_UNAVAILABLE, problem)
        arguments = model, request.texts, request.probabilities
        if sum(map(len, request.texts)) <= limits.MAX_CHARACTERS_AT_ONCE:
            # Starting a thread would take longer than the prediction.
            topics, probabilities = _predict(*arguments)
        else:
            async with self._batch:
                topics, probabilities = await asyncio.to_thread(_predict, *arguments)
        self._metrics.count_predictions(topics)
        return topics, probabilities


def _predict(
    model: Model, texts: Sequence[str], with_probabilities: bool
) -> tuple[list[Topic], list[schemas.Probabilities] | None]:
    topics = model.predict(texts)
    if not with_probabilities:
        return topics, None
    rows = model.probabilities(texts).tolist()
    return topics, [dict(zip(model.topics, row, strict=True)) for row in rows]


def add_routes(app: FastAPI, endpoints: Endpoints) -> None:
    """Adds the routes and their documentation to an application."""
    add = app.add_api_route
    operation: list[str | Enum] = [documentation.OPERATION]
    add("/", endpoints.describe, tags=operation, summary="Description")
    add("/health", endpoints.health, tags=operation, summary="Liveness")
    add(
        "/ready",
        endpoints.ready,
        tags=operation,
        summary="Readiness",
        responses=documentation.NOT_READY,
    )
    add(
        "/metrics",
        endpoints.metrics,
        tags=operation,
        summary="ServiceMetrics for Prometheus",
        response_class=PlainTextResponse,
        responses=documentation.METRICS,
    )
    for path, endpoint, body_model, summary in (
        ("/predict", endpoints.predict, schemas.Tickets, "Several tickets"),
        ("/predict_one", endpoints.predict_one, schemas.Ticket, "One ticket"),
    ):
        app.router.routes.append(
            PredictionRoute(
                path,
                endpoint,
                body_model=body_model,
                tags=[documentation.PREDICTION],
                summary=summary,
                responses=documentation.ERROR_RESPONSES,
            )
        )
