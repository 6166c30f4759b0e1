"""MLflow: a training is logged and registered, and the image serves the registered model."""

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from cli import dagger
from mlflow_server import MlflowServer, mlflow_server

NAME: Final = "callcenterai-svm"
EXPERIMENT: Final = "tickets"


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A new tracking server."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@dataclass(frozen=True)
class Training:
    """The result of a call of `train`.

    Attributes:
        folder: The exported folder.
        stderr: Standard error of the call.
    """

    folder: Path
    stderr: str

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of metrics.json."""
        metrics: dict[str, Any] = json.loads((self.folder / "metrics.json").read_text())
        return metrics


@pytest.fixture(scope="module")
def training(mlflow: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """A model that one call of `train` has trained, logged and registered."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    flags = [mlflow.flag, f"--experiment={EXPERIMENT}", f"--registered-model={NAME}"]
    call = dagger("train", *flags, "export", f"--path={folder}")
    assert call.status == 0, call.stderr
    return Training(folder, call.stderr)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"localhost:{server.getsockname()[1]}"


def test_the_exported_folder_holds_model_and_reports(training: Training) -> None:
    """`train` exports the model, its card, its metrics and a report, and nothing else."""
    names = {path.name for path in training.folder.iterdir()}
    assert names == {"MODEL_CARD.md", "metrics.json", "model.safetensors", "report.html"}


def test_the_run_has_metrics_and_parameters(mlflow: MlflowServer, training: Training) -> None:
    """The run has the metrics of metrics.json and the digest of the data, and belongs to the given experiment."""
    (version,) = mlflow.versions(NAME)
    run = mlflow.run(version["run_id"])
    logged = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert {name: logged[name] for name in ("accuracy", "macro_f1", "ece")} == {
        name: training.metrics[name] for name in ("accuracy", "macro_f1", "ece")
    }
    parameters = {parameter["key"]: parameter["value"] for parameter in run["data"]["params"]}
    assert parameters["data_sha256"] == training.metrics["data_sha256"]
    experiment = mlflow.get("experiments/get", experiment_id=run["info"]["experiment_id"])["experiment"]
    assert experiment["name"] == EXPERIMENT


def test_train_prints_the_registered_version(mlflow: MlflowServer, training: Training) -> None:
    """`train` prints the run and the URI of the registered version, as the service's MODEL_URI takes it."""
    (version,) = mlflow.versions(NAME)
    assert f"logged: run {version['run_id']}, models:/{NAME}/1" in training.stderr


def test_the_built_image_serves_the_registered_version(mlflow: MlflowServer, training: Training) -> None:
    """`smoke` with a registered version starts the image with this model, not with its own, and gets a prediction."""
    call = dagger("smoke", f"--model=models:/{NAME}/1", mlflow.flag)
    assert call.status == 0, call.stderr
    lines = dict(line.split(" answers 200: ", 1) for line in call.stdout.splitlines() if " answers 200: " in line)
    ready = json.loads(lines["/ready"])
    assert ready["model"]["source"] == "MODEL_URI"
    assert ready["model"]["version"] == training.metrics["model_version"]
    assert json.loads(lines["/predict_one"])["prediction"] == "Hardware"


@pytest.mark.fault(39)
def test_an_unregistered_version_is_not_served(mlflow: MlflowServer, training: Training) -> None:
    """`smoke` fails on a version that is not registered; the image does not fall back to its own model."""
    assert training.metrics
    call = dagger("smoke", f"--model=models:/{NAME}/99", mlflow.flag)
    assert call.status != 0
    assert "smoke: /ready answers 503: " in call.error


def test_logging_again_registers_the_cached_model(mlflow: MlflowServer, training: Training) -> None:
    """A second call logs and registers the model that the first call has trained."""
    call = dagger("train", mlflow.flag, f"--registered-model={NAME}", "entries")
    assert call.status == 0, call.stderr
    assert f"models:/{NAME}/2" in call.stderr
    first, second = (mlflow.run(version["run_id"]) for version in mlflow.versions(NAME))
    versions = [
        next(parameter["value"] for parameter in run["data"]["params"] if parameter["key"] == "model_version")
        for run in (first, second)
    ]
    assert versions == [training.metrics["model_version"]] * 2


def test_a_silent_server_is_an_error_within_three_minutes(silent_server: str) -> None:
    """`train` gives up on a server that never responds, names it, and keeps the trained model for the next call."""
    began = time.monotonic()
    call = dagger("train", f"--tracking-service=tcp://{silent_server}", "entries")
    assert call.status != 0
    assert time.monotonic() - began < 180
    assert "mlflow: http://" in call.error
    assert "the training is cached and not repeated" in call.error
    assert "Traceback" not in call.stderr


def test_registering_without_a_server_is_rejected() -> None:
    """`train` with a registered model but without an MLflow server fails and names the flags to add."""
    call = dagger("train", f"--registered-model={NAME}", "entries")
    assert call.status != 0
    assert "train: no MLflow server for --registered-model; " in call.error
    assert "give --tracking-uri or --tracking-service" in call.error


def test_data_without_the_text_column_is_rejected(tmp_path: Path) -> None:
    """`train` fails on a file without the text column, and names the file and the column."""
    (tmp_path / "bad.csv").write_text("text,label\n")
    call = dagger("train", f"--data={tmp_path / 'bad.csv'}", "entries")
    assert call.status != 0
    assert "train: /data/bad.csv: no column 'Document'" in call.error


def test_an_unknown_package_is_rejected() -> None:
    """`train` fails if the package does not exist, and names it."""
    call = dagger("train", "--package=callcenterai", "entries")
    assert call.status != 0
    assert "train: " in call.error
    assert "callcenterai.train" in call.error or "No module named 'callcenterai'" in call.error
