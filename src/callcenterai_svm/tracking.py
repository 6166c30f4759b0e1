"""Logs a trained model in MLflow: ``python -m callcenterai_svm.tracking model/``.

The training command does this itself when it is told where; this one makes up for a
server that was down, without training again.
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
from .metrics import METRICS_FILE, Metrics
from .reasons import last_words, without_userinfo

# What runs are told apart and sorted by, in MLflow's words: what a training was given ...
PARAMS: Final = ("seed", "c", "data_sha256", "model_version")
# ... and what it measured, beside the F1 of each topic.
FIGURES: Final = ("accuracy", "macro_f1", "ece")

UPLOADER: Final = Path(__file__).with_name("upload.py")

LIMIT: Final = 120.0
"""Seconds after which an upload is ended, however little is missing."""

MLFLOW: Final = {
    # A server that takes connections and says nothing is left after two of these.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # No word about a missing git: it is the last line that tells why an upload failed.
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What MLflow reads from the environment, where that does not say otherwise."""

DATABRICKS: Final = "databricks"
"""MLflow's name for the workspace of DATABRICKS_HOST."""

# Texts in, topics out; Databricks' Unity Catalog takes no model that does not say so.
SIGNATURE: Final = {
    "inputs": '[{"type": "string", "name": "text", "required": true}]',
    "outputs": '[{"type": "string", "name": "prediction", "required": true}]',
}


@dataclass(frozen=True)
class Logged:
    """Where MLflow keeps a model.

    Attributes:
        run: Id of the run.
        name: The registered model; None if the model was not registered.
        version: Its new version, if the model was registered.
    """

    run: str
    name: str | None
    version: str | None

    def __str__(self) -> str:
        registered = f", models:/{self.name}/{self.version}" if self.version else ""
        return f"logged: run {self.run}{registered}"


def log_to_mlflow(
    folder: Path,
    metrics: Metrics,
    tracking_uri: str,
    experiment: str | None = None,
    register_as: str | None = None,
) -> Logged:
    """Logs a trained model's folder as a run, and registers it if it is to have a name.

    Args:
        folder: What the training left; it stays as it is.
        metrics: What it says about the model.
        tracking_uri: MLflow's server; "databricks" for that of DATABRICKS_HOST.
        experiment: Experiment of the run; without, EXPERIMENT_NAME or the model's name.
        register_as: The registered model that gets a new version.

    Raises:
        TrackingError: If the server is not there, refuses or is not done in time.
    """
    order = {
        "folder": str(folder),
        "experiment": experiment or os.environ.get("EXPERIMENT_NAME") or MODEL_NAME,
        "register_as": register_as,
        "params": {name: str(getattr(metrics, name)) for name in PARAMS},
        "metrics": {
            **{name: getattr(metrics, name) for name in FIGURES},
            **{f"f1/{each['topic']}": each["f1"] for each in metrics.per_topic},
        },
        "description": {
            "flavors": {MODEL_NAME: {"data": MODEL_FILE}},
            "signature": SIGNATURE,
        },
    }
    answer = _upload(order, tracking_uri, _environment(tracking_uri, register_as))
    return Logged(answer["run"], register_as, answer["version"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0, or 1 after one line that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        logged = log_to_mlflow(
            options.folder,
            _read_metrics(options.folder / METRICS_FILE),
            options.tracking_uri or _tracking_uri(),
            options.experiment,
            options.register,
        )
    except CallcenterError as error:
        print(f"tracking: {error}", file=sys.stderr)
        return 1
    print(logged)
    return 0


def _upload(
    order: Mapping[str, Any], uri: str, environment: Mapping[str, str]
) -> dict[str, str]:
    address = without_userinfo(uri)
    process = subprocess.Popen(
        # -P: beside the script lie modules that MLflow must not find by their names.
        (sys.executable, "-P", str(UPLOADER)),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A group of its own: MLflow starts processes too, for large files.
        start_new_session=True,
    )
    with process:
        try:
            answer, errors = process.communicate(json.dumps(order).encode(), LIMIT)
        except subprocess.TimeoutExpired:
            reason = f"not done within {LIMIT:g} s; the upload was ended"
            raise TrackingError(f"{address}: {reason}") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        reason = last_words(errors, "the upload ended without a word")
        raise TrackingError(f"{address}: {reason}")
    # MLflow may have said something before.
    result: dict[str, str] = json.loads(answer.splitlines()[-1])
    return result


def _environment(uri: str, register_as: str | None) -> dict[str, str]:
    environment = {**MLFLOW, **os.environ, "MLFLOW_TRACKING_URI": uri}
    if uri == DATABRICKS and register_as and register_as.count(".") != 2:
        # A name that is no catalog.schema.model is one of the workspace's own registry.
        environment.setdefault("MLFLOW_REGISTRY_URI", DATABRICKS)
    return environment


def _read_metrics(path: Path) -> Metrics:
    try:
        return Metrics(**json.loads(path.read_bytes()))
    except OSError as error:
        raise TrackingError(f"{path}: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise TrackingError(f"{path}: not of this training: {error}") from error


def _tracking_uri() -> str:
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return uri
    if os.environ.get("DATABRICKS_HOST"):
        return DATABRICKS
    raise TrackingError("no server; give --tracking-uri or set MLFLOW_TRACKING_URI")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m callcenterai_svm.tracking",
        description="Logs a trained model in MLflow, and registers it on request.",
    )
    parser.add_argument("folder", type=Path, help="what the training command wrote")
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
        "--register", metavar="NAME", help="registered model that gets a new version"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
