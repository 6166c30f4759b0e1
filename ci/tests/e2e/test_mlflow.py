"""From tickets to a served model: train, log, register, and an image that serves the registered version."""

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow_server import Mlflow, mlflow_server
from user import dagger

NAME = "callcenterai-svm"
EXPERIMENT = "tickets"


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    """A tracking server that knows nothing yet."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@dataclass(frozen=True)
class Trained:
    """What a training left on this machine, and what it said."""

    folder: Path
    said: str

    @property
    def metrics(self) -> dict[str, Any]:
        """What it says about the model."""
        found: dict[str, Any] = json.loads((self.folder / "metrics.json").read_text())
        return found


@pytest.fixture(scope="module")
def trained(mlflow: Mlflow, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model that was trained, logged and registered by one call."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    flags = [mlflow.service, f"--experiment={EXPERIMENT}", f"--register={NAME}"]
    call = dagger("train", *flags, "export", f"--path={folder}")
    assert call.status == 0, call.stderr
    return Trained(folder, call.stderr)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"localhost:{server.getsockname()[1]}"


def test_the_folder_holds_the_model_and_its_report(trained: Trained) -> None:
    """What a data scientist looks at, and nothing else."""
    names = {path.name for path in trained.folder.iterdir()}
    assert names == {"MODEL_CARD.md", "metrics.json", "model.safetensors", "report.html"}


def test_the_run_can_be_compared_with_others(mlflow: Mlflow, trained: Trained) -> None:
    """Its figures are those of metrics.json, under the experiment that was asked for."""
    (version,) = mlflow.versions(NAME)
    run = mlflow.get("runs/get", run_id=version["run_id"])["run"]
    logged = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    assert {name: logged[name] for name in ("accuracy", "macro_f1", "ece")} == {
        name: trained.metrics[name] for name in ("accuracy", "macro_f1", "ece")
    }
    parameters = {parameter["key"]: parameter["value"] for parameter in run["data"]["params"]}
    assert parameters["data_sha256"] == trained.metrics["data_sha256"]
    experiment = mlflow.get("experiments/get", experiment_id=run["info"]["experiment_id"])["experiment"]
    assert experiment["name"] == EXPERIMENT


def test_the_call_says_under_which_version_it_registered(mlflow: Mlflow, trained: Trained) -> None:
    """The line can be given to the service as it is."""
    (version,) = mlflow.versions(NAME)
    assert f"logged: run {version['run_id']}, models:/{NAME}/1" in trained.said


def test_the_built_image_serves_the_registered_version(mlflow: Mlflow, trained: Trained) -> None:
    """It becomes ready with the model of MLflow, which is the one that was trained, and answers a ticket."""
    call = dagger("smoke", f"--model=models:/{NAME}/1", mlflow.service)
    assert call.status == 0, call.stderr
    lines = dict(line.split(" answers 200: ", 1) for line in call.stdout.splitlines() if " answers 200: " in line)
    ready = json.loads(lines["/ready"])
    assert ready["model"]["source"] == "MODEL_URI"
    assert ready["model"]["version"] == trained.metrics["model_version"]
    assert json.loads(lines["/predict_one"])["prediction"] == "Hardware"


@pytest.mark.fault(39)
def test_a_version_that_is_not_registered_is_not_served(mlflow: Mlflow, trained: Trained) -> None:
    """The image has a model of its own, and does not fall back to it."""
    assert trained.metrics
    call = dagger("smoke", f"--model=models:/{NAME}/99", mlflow.service)
    assert call.status != 0
    assert "smoke: /ready answers 503: " in call.error


def test_logging_again_trains_nothing_and_registers_the_next_version(mlflow: Mlflow, trained: Trained) -> None:
    """The same model under a second version: the training came out of the cache, the logging did not."""
    call = dagger("train", mlflow.service, f"--register={NAME}", "entries")
    assert call.status == 0, call.stderr
    assert f"models:/{NAME}/2" in call.stderr
    first, second = (mlflow.get("runs/get", run_id=version["run_id"])["run"] for version in mlflow.versions(NAME))
    versions = [
        next(each["value"] for each in run["data"]["params"] if each["key"] == "model_version")
        for run in (first, second)
    ]
    assert versions == [trained.metrics["model_version"]] * 2


def test_a_silent_server_is_told_in_time(silent: str) -> None:
    """The training is kept: the next call logs it at once."""
    began = time.monotonic()
    call = dagger("train", f"--tracking-service=tcp://{silent}", "entries")
    assert call.status != 0
    assert time.monotonic() - began < 180
    assert "mlflow: http://" in call.error
    assert "the training is kept" in call.error
    assert "Traceback" not in call.stderr


def test_a_model_to_register_needs_a_server() -> None:
    """Whoever asks for a version must not believe that there is one."""
    call = dagger("train", f"--register={NAME}", "entries")
    assert call.status != 0
    assert "train: --registered-model without an MLflow server; give --tracking-uri or --tracking-service" in call.error


def test_tickets_that_cannot_be_trained_on_are_told_in_one_line(tmp_path: Path) -> None:
    """The file and the column are named, as the training's own command names them."""
    (tmp_path / "bad.csv").write_text("text,label\n")
    call = dagger("train", f"--data={tmp_path / 'bad.csv'}", "entries")
    assert call.status != 0
    assert "train: /data/bad.csv: no column 'Document'" in call.error


def test_a_package_that_does_not_train_is_named() -> None:
    """A misspelt flag is no training."""
    call = dagger("train", "--package=callcenterai", "entries")
    assert call.status != 0
    assert "train: " in call.error
    assert "callcenterai.train" in call.error or "No module named 'callcenterai'" in call.error
