"""The five routes; those that predict refuse with 503 until there is a model."""

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.status import HTTP_503_SERVICE_UNAVAILABLE

from . import MODEL_NAME, schemas
from .loading import ModelLoader
from .settings import Settings
from .topics import TOPICS

if TYPE_CHECKING:
    from .model import TopicModel

router = APIRouter()

WHEN_NOT_READY: Final[dict[int | str, dict[str, Any]]] = {
    HTTP_503_SERVICE_UNAVAILABLE: {"model": schemas.Problem}
}


async def settings(request: Request) -> Settings:
    """The settings that the service was made with."""
    found: Settings = request.app.state.settings
    return found


async def loader(request: Request) -> ModelLoader:
    """What holds the model, or the reason why there is none."""
    found: ModelLoader = request.app.state.loader
    return found


async def ready_model(loader: Annotated[ModelLoader, Depends(loader)]) -> "TopicModel":
    """The model, or a 503 that says why there is none."""
    if loader.model is None:
        detail = f"not ready: {loader.reason}"
        raise HTTPException(HTTP_503_SERVICE_UNAVAILABLE, detail)
    return loader.model


Model = Annotated["TopicModel", Depends(ready_model)]


@router.get("/")
async def describe(
    settings: Annotated[Settings, Depends(settings)],
) -> schemas.Service:
    """What this service is and where to go from here."""
    return schemas.Service(
        service=MODEL_NAME,
        topics=list(TOPICS),
        routes=["/health", "/ready", "/predict", "/predict_one", "/docs"],
        experiment=settings.experiment_name,
    )


@router.get("/health")
async def health() -> schemas.Alive:
    """Whether the process answers; says nothing about the model."""
    return schemas.Alive()


@router.get(
    "/ready", responses={HTTP_503_SERVICE_UNAVAILABLE: {"model": schemas.NotReady}}
)
async def ready(
    loader: Annotated[ModelLoader, Depends(loader)], response: Response
) -> schemas.Ready | schemas.NotReady:
    """Whether the service predicts, and with which model; 503 and a reason if not."""
    if loader.model is None:
        response.status_code = HTTP_503_SERVICE_UNAVAILABLE
        return schemas.NotReady(reason=loader.reason)
    info = schemas.ModelInfo(
        name=MODEL_NAME, version=loader.model.version, source=loader.source
    )
    return schemas.Ready(model=info)


# Plain functions: FastAPI runs them on a thread, so a large batch delays no /health.
@router.post("/predict", responses=WHEN_NOT_READY)
def predict(tickets: schemas.Tickets, model: Model) -> schemas.Predictions:
    """The topics of several tickets, in their order."""
    return schemas.Predictions(predictions=model.predict(tickets.text))


@router.post("/predict_one", responses=WHEN_NOT_READY)
def predict_one(ticket: schemas.Ticket, model: Model) -> schemas.Prediction:
    """The topic of one ticket."""
    (topic,) = model.predict([ticket.text])
    return schemas.Prediction(input=ticket.text, prediction=topic)
