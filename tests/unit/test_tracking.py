"""Logging and registering a trained model in MLflow, and the errors."""

import json
import socket
import time
from pathlib import Path

import pytest
from conftest import WAIT_SECONDS, is_running

from callcenterai_svm import tracking
from callcenterai_svm.errors import TrackingError
from callcenterai_svm.metrics import TrainingMetrics
from callcenterai_svm.tracking import LoggedModel, log_to_mlflow, main

METRICS = TrainingMetrics(
    model_version="0123456789ab",
    model_bytes=6,
    data_sha256="5d41402a",
    text_column="Document",
    topic_column="Topic_group",
    seed=7,
    folds=5,
    tickets={"Access": 10, "HR Support": 10},
    repeated=0,
    disputed=0,
    c=0.1,
    c_grid=[0.1],
    c_of_folds=[0.1],
    accuracy=0.85,
    macro_f1=0.86,
    ece=0.02,
    per_topic=[{"topic": "HR Support", "f1": 0.9}, {"topic": "Access", "f1": 0.8}],
    confusion=[[9, 1], [2, 8]],
    reliability=[],
    libraries={},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as the training command writes it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"arrays")
    (folder / "metrics.json").write_text(METRICS.to_json())
    (folder / "MODEL_CARD.md").write_text("# Card\n")
    return folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """MLflow's file store: tracking, registry and artifacts without a server."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    # A busy machine takes long to import MLflow.
    monkeypatch.setattr(tracking, "UPLOAD_SECONDS", 600)
    uri = (tmp_path / "store").as_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)  # for the test's own calls
    return uri


@pytest.fixture
def uploader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that runs in place of MLflow; the test writes it."""
    script = tmp_path / "uploader.py"
    monkeypatch.setattr(tracking, "UPLOADER", script)
    return script


def test_model_is_logged_and_registered(folder: Path, store: str) -> None:
    """The run has parameters, metrics and all files; the version can be downloaded."""
    import mlflow

    logged = log_to_mlflow(folder, METRICS, store, "tickets", "svm")
    assert (logged.name, logged.version) == ("svm", "1")

    client = mlflow.MlflowClient(store)
    run = client.get_run(logged.run)
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "seed": "7",
        "c": "0.1",
        "data_sha256": "5d41402a",
        "model_version": "0123456789ab",
    }
    assert run.data.metrics == {
        "accuracy": 0.85,
        "macro_f1": 0.86,
        "ece": 0.02,
        "f1/HR Support": 0.9,
        "f1/Access": 0.8,
    }
    assert client.get_experiment(run.info.experiment_id).name == "tickets"

    copy = Path(mlflow.artifacts.download_artifacts("models:/svm/1"))
    assert {path.name for path in copy.iterdir()} >= {"MLmodel", "MODEL_CARD.md"}
    assert (copy / "model.safetensors").read_bytes() == b"arrays"
    assert json.loads((copy / "MLmodel").read_text())["run_id"] == logged.run


def test_model_without_a_name_is_not_registered(folder: Path, store: str) -> None:
    """Without a name, the run is in the default experiment and nothing is registered."""
    import mlflow

    before = sorted(folder.iterdir())
    logged = log_to_mlflow(folder, METRICS, store)
    assert (logged.name, logged.version) == (None, None)
    client = mlflow.MlflowClient(store)
    assert client.search_registered_models() == []
    assert client.get_experiment_by_name("callcenterai-svm") is not None
    assert sorted(folder.iterdir()) == before


def test_command_logs_a_trained_model(
    folder: Path, uploader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints one line with the run and the URI of the model version."""
    uploader.write_text(
        "import json\n"
        "print('chatter')\n"
        "print(json.dumps({'run': 'ab12', 'version': '3'}))\n"
    )
    arguments = [str(folder), "--tracking-uri=http://mlflow", "--registered-model=svm"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "logged: run ab12, models:/svm/3\n"
    assert str(LoggedModel("ab12", None, None)) == "logged: run ab12"


def test_defaults_come_from_the_environment(
    folder: Path, uploader: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXPERIMENT_NAME and DATABRICKS_HOST are used if no option is given."""
    uploader.write_text(
        "import json, os, pathlib, sys\n"
        "request = json.load(sys.stdin)\n"
        "request['environment'] = dict(os.environ)\n"
        f"pathlib.Path({str(tmp_path / 'request')!r}).write_text(json.dumps(request))\n"
        "print(json.dumps({'run': 'ab12', 'version': None}))\n"
    )
    monkeypatch.setenv("EXPERIMENT_NAME", "/Shared/tickets")
    monkeypatch.setenv("DATABRICKS_HOST", "https://adb-1.example")
    assert main([str(folder), "--registered-model=svm"]) == 0
    request = json.loads((tmp_path / "request").read_text())
    assert request["experiment"] == "/Shared/tickets"
    assert request["registered_model"] == "svm"
    assert request["environment"]["MLFLOW_TRACKING_URI"] == "databricks"
    assert request["environment"]["MLFLOW_REGISTRY_URI"] == "databricks"


def test_command_without_a_server_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a server, the error lists the ways to give one."""
    assert main([str(folder)]) == 1
    expected = "no MLflow server; give --tracking-uri or set MLFLOW_TRACKING_URI"
    assert capsys.readouterr().err == f"tracking: {expected}\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file or directory"),
        ("{", "invalid metrics: Expecting"),
        ("[1]", "invalid metrics: "),
        ('{"accuracy": 1}', "invalid metrics: "),
    ],
)
def test_folder_without_valid_metrics_is_rejected(
    folder: Path, text: str | None, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing or invalid metrics fail before anything is uploaded, with the path."""
    (folder / "metrics.json").unlink()
    if text:
        (folder / "metrics.json").write_text(text)
    assert main([str(folder), "--tracking-uri=http://mlflow"]) == 1
    _, err = capsys.readouterr()
    assert err.startswith(f"tracking: {folder / 'metrics.json'}: {reason}")
    assert err.count("\n") == 1


def test_unreachable_server_is_reported_with_its_address(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the address and the root cause, not MLflow's long message."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as free:
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(TrackingError) as raised:
        log_to_mlflow(folder, METRICS, uri)
    assert str(raised.value) == (
        f"{uri}: ConnectionRefusedError: [Errno 111] Connection refused"
    )


def test_server_that_never_responds_times_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload to a server that does not respond fails at the time limit."""
    monkeypatch.setattr(tracking, "UPLOAD_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(TrackingError, match=r": upload timed out after 0\.5 s$"):
            log_to_mlflow(folder, METRICS, uri)
    assert time.monotonic() - start < 5


def test_timeout_kills_the_children_of_an_upload(
    folder: Path, uploader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the time limit, processes that MLflow has started are killed too."""
    uploader.write_text(
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "pathlib.Path('pid').rename('child')\n"
        "time.sleep(60)\n"
    )
    limit = 0.5
    while not Path("child").exists():  # a busy machine takes longer to start the script
        assert limit < WAIT_SECONDS
        monkeypatch.setattr(tracking, "UPLOAD_SECONDS", limit)
        with pytest.raises(TrackingError):
            log_to_mlflow(folder, METRICS, "http://mlflow")
        limit *= 2
    end = time.monotonic() + 5
    while is_running(Path("child").read_text()):
        assert time.monotonic() < end


def test_reason_is_short_and_without_secrets(
    folder: Path, uploader: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is shortened, and masks the token and the URL's user and password."""
    uploader.write_text(
        "import os, sys\n"
        "sys.exit('a warning\\nno entry for ' + os.environ['DATABRICKS_TOKEN'] + '!' * 999)"
    )
    monkeypatch.setenv("DATABRICKS_TOKEN", "canary-1")
    with pytest.raises(TrackingError) as raised:
        log_to_mlflow(folder, METRICS, "https://user:canary-2@mlflow.example")
    reason = str(raised.value)
    assert reason.startswith("https://***@mlflow.example: no entry for ***!!")
    assert "canary" not in reason
    assert len(reason) < 400
