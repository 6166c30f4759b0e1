"""Trains a model, and logs it where the caller asks for that."""

import sys

import dagger

from stage_ci.adapters import image, training
from stage_ci.adapters.tracking import TrackingServer
from stage_ci.adapters.training import TrainingJob
from stage_ci.errors import InvalidInput
from stage_ci.rules.training import RunMetadata, tracking_uri
from stage_ci.steps.candidate import build_image
from stage_ci.steps.request import ReleaseRequest, raise_if_empty


async def train(work: TrainingJob, tracking: TrackingServer | None, record: RunMetadata) -> dagger.Directory:
    """Return the trained model's folder, after it was logged if there is a server for it.

    Raises:
        InvalidInput: if the model is to be registered and there is no server.
        TrainingFailed: if the training refuses the data or crashes.
        TrackingFailed: if the model was trained and the server did not take it.
    """
    if tracking is None:
        record.require_server()
    trained = await training.train(work)
    output = trained.output
    if tracking:
        output += await training.log(work, trained.folder, tracking, record)
    # Standard output holds the folder alone.
    print(output, end="", file=sys.stderr)  # noqa: T201
    return trained.folder


async def smoke_test(
    request: ReleaseRequest, source: dagger.Directory, model: str, tracking: TrackingServer | None
) -> str:
    """Return the answers of the image of ``source``, serving ``model`` if one is named.

    Raises:
        InvalidInput: if there is no server to fetch the model from.
        BuildFailed: if the image cannot be built.
        SmokeFailed: if the image does not start, is not ready or answers wrongly.
    """
    container = await with_model((await build_image(source)).container, model, tracking)
    return (await image.smoke(container, request.smoke_test)).output


async def with_model(image: dagger.Container, model: str, tracking: TrackingServer | None) -> dagger.Container:
    """Return ``image`` set to serve ``model`` of the MLflow server; unchanged if ``model`` is empty.

    Raises:
        InvalidInput: if there is no server to fetch it from.
    """
    if not model:
        return image
    if tracking is None:
        raise InvalidInput(
            "--model without an MLflow server", step="smoke", remedy="give --tracking-uri or --tracking-service"
        )
    return (await tracking.configure(image)).with_env_variable("MODEL_URI", model)


async def find_tracking(request: ReleaseRequest, uri: str, service: dagger.Service | None) -> TrackingServer | None:
    """Return the MLflow server in a caller's arguments; None if they name none.

    Args:
        request: Holds the service's variables; those of Databricks name a workspace.
        uri: The value of ``--tracking-uri``.
        service: A server that only the caller's machine can reach.

    Raises:
        InvalidInput: if the address is not a server's, or holds credentials.
        MissingCredential: if a credential is empty, or only one of the two of Databricks was given.
    """
    databricks = {name: secret for name, secret in request.variables.items() if name.startswith("DATABRICKS_")}
    await raise_if_empty(databricks)
    address = tracking_uri(uri, databricks)
    return TrackingServer(address or "", service, databricks) if address or service else None
