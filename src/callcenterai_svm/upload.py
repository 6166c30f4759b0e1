"""Sends a trained model to MLflow: ``python -P upload.py``, told what by JSON on stdin.

A process of its own, as ``service/download.py`` is: what waits in MLflow cannot be
stopped, a process can. It knows MLflow and nothing of this model.
"""

import json
import sys
from datetime import UTC, datetime
from typing import Any, Final

import mlflow

FOLDER: Final = "model"
"""Where the files lie among the artifacts of their run."""


def main() -> int:
    """Uploads; prints run and version as JSON, or one last line that says why not."""
    try:
        logged = upload(**json.load(sys.stdin))
    except Exception as error:  # MLflow lets those of its transports through
        print(" ".join(_reason(error).split()), file=sys.stderr)
        return 1
    print(json.dumps(logged))
    return 0


def upload(
    folder: str,
    experiment: str,
    register_as: str | None,
    params: dict[str, str],
    metrics: dict[str, float],
    description: dict[str, Any],
) -> dict[str, str | None]:
    """Logs a run with its figures and files, and registers it if it is to have a name.

    Args:
        folder: The files of the model.
        experiment: Name of the experiment; made if missing.
        register_as: Name of the registered model; made if missing.
        params: What the training was told.
        metrics: What it measured.
        description: What its MLmodel file says of the files.
    """
    mlflow.set_experiment(experiment)
    with mlflow.start_run() as run:
        mlflow.log_params(params)
        mlflow.log_metrics(metrics)
        mlflow.log_artifacts(folder, FOLDER)
        # Without this file MLflow takes no folder for a model that can be registered.
        mlflow.log_dict(_mlmodel(run.info.run_id, description), f"{FOLDER}/MLmodel")
    version = None
    if register_as:
        uri = f"runs:/{run.info.run_id}/{FOLDER}"
        version = str(mlflow.register_model(uri, register_as).version)
    return {"run": run.info.run_id, "version": version}


def _mlmodel(run: str, description: dict[str, Any]) -> dict[str, Any]:
    """The fields of https://mlflow.org/docs/latest/ml/model/#storage-format."""
    return {
        "artifact_path": FOLDER,
        "mlflow_version": mlflow.__version__,
        "run_id": run,
        "utc_time_created": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}",
        **description,
    }


def _reason(error: BaseException) -> str:
    """What was wrong in the end: MLflow repeats each address before it says so."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main())
