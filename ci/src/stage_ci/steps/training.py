"""Train a model and log it on an MLflow server."""

import sys

import dagger

from stage_ci.adapters import training
from stage_ci.adapters.tracking import TrackingServer
from stage_ci.adapters.training import TrainingJob
from stage_ci.errors import InvalidInput
from stage_ci.rules.training import RunMetadata, tracking_uri
from stage_ci.steps.stage import environment


async def train(job: TrainingJob, server: TrackingServer | None, metadata: RunMetadata) -> dagger.Directory:
    """Return the folder of the trained model, after logging it if there is a server.

    Raises:
        InvalidInput: if an experiment or a registered model is given without a server.
        TrainingFailed: if the training rejects the data or fails.
        TrackingFailed: if the model was trained but could not be logged.
    """
    if server is None:
        metadata.require_server()
    model = await training.train(job)
    output = model.output
    if server:
        output += await training.log(job, model.folder, server, metadata)
    # Standard output is reserved for the folder.
    print(output, end="", file=sys.stderr)  # noqa: T201
    return model.folder


async def serving(image: dagger.Container, model: str, server: TrackingServer | None) -> dagger.Container:
    """Return ``image`` configured to serve ``model`` from the MLflow server, or its own model if ``model`` is empty.

    Raises:
        InvalidInput: if a model is given without a server.
    """
    if not model:
        return image
    if server is None:
        raise InvalidInput(
            "no MLflow server for --model", step="smoke", remedy="give --tracking-uri or --tracking-service"
        )
    return (await server.configure(image)).with_env_variable("MODEL_URI", model)


async def tracking_of(
    uri: str, service: dagger.Service | None, host: dagger.Secret | None, token: dagger.Secret | None
) -> TrackingServer | None:
    """Return the MLflow server that the arguments select; None if they select none.

    Raises:
        InvalidInput: if the URI is not an MLflow server, or contains credentials.
        MissingCredential: if a credential is empty, or only one of the two of Databricks is given.
    """
    secrets = await environment(host, token, None, None)
    address = tracking_uri(uri, secrets)
    return TrackingServer(address or "", service, secrets) if address or service else None
