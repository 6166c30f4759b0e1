"""Logs a trained model in MLflow: ``python -m callcenterai_svm.tracking model/``.

The training command logs the model itself if it gets a tracking URI. This command logs a
model that is already trained, for example after the server was down.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from . import MODEL_FILE, MODEL_NAME
from .errors import CallcenterError, TrackingError
from .metrics import METRICS_FILE, TrainingMetrics
from .subprocess_errors import last_error_line, redact_userinfo

# Logged as MLflow parameters, which identify a run ...
PARAMS: Final = ("seed", "c", "data_sha256", "model_version")
# ... and as MLflow metrics, besides the F1 of each topic.
METRICS: Final = ("accuracy", "macro_f1", "ece")

UPLOADER: Final = Path(__file__).with_name("upload.py")

UPLOAD_SECONDS: Final = 120.0
"""Time limit of an upload, in seconds."""

MLFLOW_DEFAULTS: Final = {
    # Bounds the wait for a server that accepts connections but does not answer to two
    # timeouts: the request and one retry.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Without it, a warning about a missing git could be the last line of the output,
    # which is taken for the reason of a failure.
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Environment variables for MLflow; the environment of the command overrides them."""

DATABRICKS: Final = "databricks"
"""MLflow's tracking URI for the workspace named by DATABRICKS_HOST."""

# Unity Catalog rejects models without a signature:
# https://docs.databricks.com/aws/en/machine-learning/manage-model-lifecycle/
SIGNATURE: Final = {
    "inputs": '[{"type": "string", "name": "text", "required": true}]',
    "outputs": '[{"type": "string", "name": "prediction", "required": true}]',
}


@dataclass(frozen=True)
class LoggedModel:
    """A model in MLflow.

    Attributes:
        run: ID of the run.
        name: Name of the registered model; None if the model was not registered.
        version: The new version of the registered model; None if not registered.
    """

    run: str
    name: str | None
    version: str | None

    def __str__(self) -> str:
        registered = f", models:/{self.name}/{self.version}" if self.version else ""
        return f"logged: run {self.run}{registered}"


def log_to_mlflow(
    folder: Path,
    metrics: TrainingMetrics,
    tracking_uri: str,
    experiment: str | None = None,
    registered_model: str | None = None,
) -> LoggedModel:
    """Logs the folder of a trained model as a run, and registers the model if named.

    Args:
        folder: Folder that the training command wrote; it is not changed.
        metrics: Metrics of the model.
        tracking_uri: URI of the MLflow server; "databricks" for that of DATABRICKS_HOST.
        experiment: Experiment of the run (default: EXPERIMENT_NAME, then the model's
            name).
        registered_model: Name of the registered model that gets a new version.

    Raises:
        TrackingError: If the server is unreachable, rejects the upload or takes longer
            than ``UPLOAD_SECONDS``.
    """
    request = {
        "folder": str(folder),
        "experiment": experiment or os.environ.get("EXPERIMENT_NAME") or MODEL_NAME,
        "registered_model": registered_model,
        "params": {name: str(getattr(metrics, name)) for name in PARAMS},
        "metrics": {
            **{name: getattr(metrics, name) for name in METRICS},
            **{f"f1/{each['topic']}": each["f1"] for each in metrics.per_topic},
        },
        "description": {
            "flavors": {MODEL_NAME: {"data": MODEL_FILE}},
            "signature": SIGNATURE,
        },
    }
    environment = _environment(tracking_uri, registered_model)
    response = _upload(request, tracking_uri, environment)
    return LoggedModel(response["run"], registered_model, response["version"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0, or 1 after printing a one-line error."""
    options = _parser().parse_args(arguments)
    try:
        logged = log_to_mlflow(
            options.folder,
            _read_metrics(options.folder / METRICS_FILE),
            options.tracking_uri or _default_tracking_uri(),
            options.experiment,
            options.registered_model,
        )
    except CallcenterError as error:
        print(f"tracking: {error}", file=sys.stderr)
        return 1
    print(logged)
    return 0


def _upload(
    request: Mapping[str, Any], uri: str, environment: Mapping[str, str]
) -> dict[str, str]:
    address = redact_userinfo(uri)
    process = subprocess.Popen(
        # -P keeps the script's folder off sys.path, where this package's modules could
        # shadow modules that MLflow imports.
        (sys.executable, "-P", str(UPLOADER)),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A process group of its own, so that the processes MLflow starts for large files
        # are killed with it.
        start_new_session=True,
    )
    with process:
        try:
            payload = json.dumps(request).encode()
            output, errors = process.communicate(payload, UPLOAD_SECONDS)
        except subprocess.TimeoutExpired:
            reason = f"upload timed out after {UPLOAD_SECONDS:g} s"
            raise TrackingError(f"{address}: {reason}") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        default = f"upload failed with exit status {process.returncode} and no output"
        raise TrackingError(f"{address}: {last_error_line(errors, default)}")
    # MLflow may have printed lines before the result.
    result: dict[str, str] = json.loads(output.splitlines()[-1])
    return result


def _environment(uri: str, registered_model: str | None) -> dict[str, str]:
    environment = {**MLFLOW_DEFAULTS, **os.environ, "MLFLOW_TRACKING_URI": uri}
    if uri == DATABRICKS and registered_model and registered_model.count(".") != 2:
        # Unity Catalog names are catalog.schema.model; any other name belongs to the
        # workspace model registry.
        environment.setdefault("MLFLOW_REGISTRY_URI", DATABRICKS)
    return environment


def _read_metrics(path: Path) -> TrainingMetrics:
    try:
        return TrainingMetrics(**json.loads(path.read_bytes()))
    except OSError as error:
        raise TrackingError(f"{path}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise TrackingError(f"{path}: invalid metrics: {error}") from error


def _default_tracking_uri() -> str:
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return uri
    if os.environ.get("DATABRICKS_HOST"):
        return DATABRICKS
    raise TrackingError(
        "no MLflow server; give --tracking-uri or set MLFLOW_TRACKING_URI"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m callcenterai_svm.tracking",
        description="Logs a trained model in MLflow, and registers it on request.",
    )
    parser.add_argument(
        "folder", type=Path, help="folder that the training command wrote"
    )
    parser.add_argument(
        "--tracking-uri",
        help="MLflow server, such as http://localhost:5000, or databricks "
        "(default: MLFLOW_TRACKING_URI, or databricks if DATABRICKS_HOST is set)",
    )
    parser.add_argument(
        "--experiment",
        help=f"experiment of the run (default: EXPERIMENT_NAME, or {MODEL_NAME})",
    )
    parser.add_argument(
        "--registered-model",
        metavar="NAME",
        help="registered model that gets a new version (default: do not register)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
