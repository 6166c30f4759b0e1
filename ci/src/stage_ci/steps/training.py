"""Train a model, and log it where that is asked for."""

import sys

import dagger

from stage_ci.adapters import training
from stage_ci.adapters.tracking import Tracking
from stage_ci.adapters.training import Work
from stage_ci.errors import InvalidInput
from stage_ci.rules.training import Record, tracking_uri
from stage_ci.steps.stage import environment


async def train(work: Work, tracking: Tracking | None, record: Record) -> dagger.Directory:
    """Return the trained model's folder, after it was logged where there is a server for it.

    Raises:
        InvalidInput: if the model is to be registered and there is no server.
        TrainingFailed: if the training refuses the data or breaks.
        TrackingFailed: if the model was trained and the server did not take it.
    """
    if tracking is None:
        record.require_server()
    trained = await training.train(work)
    said = trained.said
    if tracking:
        said += await training.log(work, trained.folder, tracking, record)
    # Standard output holds the folder alone.
    print(said, end="", file=sys.stderr)  # noqa: T201
    return trained.folder


async def serving(image: dagger.Container, model: str, tracking: Tracking | None) -> dagger.Container:
    """Return ``image`` as it serves ``model`` of the MLflow server; as it serves its own if ``model`` is empty.

    Raises:
        InvalidInput: if there is no server to fetch it from.
    """
    if not model:
        return image
    if tracking is None:
        raise InvalidInput(
            "--model without an MLflow server", step="smoke", remedy="give --tracking-uri or --tracking-service"
        )
    return (await tracking.within(image)).with_env_variable("MODEL_URI", model)


async def tracking_of(
    uri: str, service: dagger.Service | None, host: dagger.Secret | None, token: dagger.Secret | None
) -> Tracking | None:
    """Return the MLflow server in a caller's arguments; None if they name none.

    Raises:
        InvalidInput: if the address is no server's, or holds credentials.
        MissingCredential: if a credential is empty, or Databricks is to be used with one of its two alone.
    """
    secrets = await environment(host, token, None, None)
    address = tracking_uri(uri, secrets)
    return Tracking(address or "", service, secrets) if address or service else None
