"""MLflow: a training is logged and registered, and the image serves the registered model."""

import json
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


@pytest.mark.slow
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
