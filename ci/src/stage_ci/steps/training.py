"""Trains a model, and logs it if the caller gives an MLflow server."""

import sys

import dagger

from stage_ci.adapters import image, training
from stage_ci.adapters.tracking import TrackingServer
from stage_ci.adapters.training import TrainingJob
from stage_ci.errors import InvalidInput
from stage_ci.rules.training import RunMetadata, tracking_uri
from stage_ci.steps.candidate import build_image
from stage_ci.steps.request import ReleaseRequest, without_line_breaks


async def train(job: TrainingJob, tracking: TrackingServer | None, metadata: RunMetadata) -> dagger.Directory:
    """Train a model, log it if there is an MLflow server, and return its folder.

    Raises:
        InvalidInput: if an experiment or a registered model is given without a server.
        TrainingFailed: if the training rejects the data, fails, or writes nothing.
        TrackingFailed: if the trained model could not be logged.
    """
    if tracking is None:
        metadata.raise_if_server_needed()
    trained = await training.train(job)
    output = trained.output
    if tracking:
        output += await training.log(job, trained.folder, tracking, metadata)
    # Standard output holds only the result, the folder.
    print(output, end="", file=sys.stderr)  # noqa: T201
    return trained.folder


async def smoke_test(
    request: ReleaseRequest, source: dagger.Directory, model: str, tracking: TrackingServer | None
) -> str:
    """Build the image of ``source``, run the smoke test with ``model`` or its own model, and return the answers.

    Raises:
        InvalidInput: if there is no server to fetch the model from.
        BuildFailed: if the image cannot be built.
        SmokeFailed: if the image does not start, does not become ready, or answers wrongly.
    """
    built = await build_image(source, request.line.repository)
    container = await with_model(built.container, model, tracking)
    return (await image.smoke(container, request.smoke_test)).output


async def with_model(image: dagger.Container, model: str, tracking: TrackingServer | None) -> dagger.Container:
    """Return ``image`` configured to serve ``model`` from the MLflow server; unchanged if ``model`` is empty.

    Raises:
        InvalidInput: if there is no server to fetch it from.
    """
    if not model:
        return image
    if tracking is None:
        raise InvalidInput(
            "no MLflow server for --model", step="smoke", remedy="give --tracking-uri or --tracking-service"
        )
    return (await tracking.configure(image)).with_env_variable("MODEL_URI", model)


async def find_tracking(request: ReleaseRequest, uri: str, service: dagger.Service | None) -> TrackingServer | None:
    """Return the MLflow server that a caller's arguments name; None if they name none.

    Args:
        request: The request, whose Databricks variables name a workspace.
        uri: The value of ``--tracking-uri``.
        service: A server that only the caller's machine can reach.

    Raises:
        InvalidInput: if the address is not that of an MLflow server, or contains credentials.
        MissingCredential: if a credential is empty, or only one of the two of Databricks was given.
    """
    given = {name: secret for name, secret in request.variables.items() if name.startswith("DATABRICKS_")}
    databricks = await without_line_breaks(given)
    address = tracking_uri(uri, databricks)
    return TrackingServer(address or "", service, databricks) if address or service else None
