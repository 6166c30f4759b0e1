"""Uploads a trained model to MLflow: ``python -P upload.py``, with a JSON request on stdin.

It runs in a process of its own, like ``service/download.py``: a call that blocks inside
MLflow cannot be stopped, but a process can. It depends on MLflow and on nothing else of
this package.
"""

import json
import sys
from datetime import UTC, datetime
from typing import Any, Final

import mlflow

FOLDER: Final = "model"
"""Folder of the files among the artifacts of their run."""


def main() -> int:
    """Uploads; prints run and version as JSON, or the reason of a failure to stderr."""
    try:
        logged = upload(**json.load(sys.stdin))
    except Exception as error:  # MLflow does not wrap the errors of its transports
        print(" ".join(_reason(error).split()), file=sys.stderr)
        return 1
    print(json.dumps(logged))
    return 0


def upload(
    folder: str,
    experiment: str,
    registered_model: str | None,
    params: dict[str, str],
    metrics: dict[str, float],
    description: dict[str, Any],
) -> dict[str, str | None]:
    """Logs a run with its metrics and files, and registers the model if it has a name.

    Args:
        folder: Folder with the files of the model.
        experiment: Name of the experiment, created if missing.
        registered_model: Name of the registered model, created if missing; None to
            leave the model unregistered.
        params: Parameters of the run.
        metrics: Metrics of the run.
        description: Fields of the model's MLmodel file.

    Returns:
        The ID of the run, and the new version of the registered model.
    """
    mlflow.set_experiment(experiment)
    with mlflow.start_run() as run:
        mlflow.log_params(params)
        mlflow.log_metrics(metrics)
        mlflow.log_artifacts(folder, FOLDER)
        # MLflow registers a folder as a model only if it has an MLmodel file.
        mlflow.log_dict(_mlmodel(run.info.run_id, description), f"{FOLDER}/MLmodel")
    version = None
    if registered_model:
        uri = f"runs:/{run.info.run_id}/{FOLDER}"
        version = str(mlflow.register_model(uri, registered_model).version)
    return {"run": run.info.run_id, "version": version}


def _mlmodel(run: str, description: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of https://mlflow.org/docs/latest/ml/model/#storage-format."""
    return {
        "artifact_path": FOLDER,
        "mlflow_version": mlflow.__version__,
        "run_id": run,
        "utc_time_created": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}",
        **description,
    }


def _reason(error: BaseException) -> str:
    """Returns the root cause, which MLflow's own messages bury in repeated addresses."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
