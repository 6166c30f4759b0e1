"""Calls of `train` that fail: a server that never responds, and invalid arguments."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli import dagger


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"localhost:{server.getsockname()[1]}"


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
    call = dagger("train", "--registered-model=callcenterai-svm", "entries")
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
