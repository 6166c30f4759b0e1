"""The JSON log of the service, which never contains the text of a ticket."""

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import wait_until
from fastapi.testclient import TestClient

from callcenterai_svm.service import loading, logs
from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.telemetry import ServiceMetrics

CANARY = "quetzalcoatl"

JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Restores the logging configuration, and silences the test client's logger."""
    root, client = logging.getLogger(), logging.getLogger("httpx2")
    before = root.handlers[:], root.level, client.level
    client.setLevel(logging.WARNING)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    client.setLevel(before[2])


@pytest.fixture
def logging_client(
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[TestClient]:
    """A client of a service that configures logging, as it does under uvicorn."""
    monkeypatch.setenv("MODEL_PATH", str(model_folder))
    with TestClient(create_app()) as client:
        wait_until(client, lambda response: response.status_code == 200)
        yield client


def lines(printed: str) -> list[dict[str, Any]]:
    """The parsed lines of the output."""
    return [json.loads(line) for line in printed.splitlines()]


def test_request_is_logged_in_one_line(
    logging_client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line of a request has ID, method, route, status, duration and texts."""
    capsys.readouterr()
    response = logging_client.post("/predict", json={"text": [CANARY, "b"]})
    (line,) = lines(capsys.readouterr().out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert 0 < line.pop("milliseconds") < 60_000
    assert line == {
        "level": "info",
        "event": "request",
        "id": response.headers["x-request-id"],
        "method": "POST",
        "route": "/predict",
        "status": 200,
        "texts": 2,
    }


def test_no_line_contains_the_text_of_a_ticket(
    logging_client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bodies, keys, paths and queries are not logged, even in rejected requests."""
    for content in (
        f'{{"text": "{CANARY}"}}',
        f'{{"text": ["{CANARY}", 7]}}',
        f'{{"{CANARY}": 1}}',
        f'{{"text": "{CANARY}',
        f'"{CANARY}" ' * 300_000,
    ):
        for route in ("/predict", "/predict_one", f"/{CANARY}", f"/?{CANARY}"):
            logging_client.post(route, content=content, headers=JSON)
            logging_client.post(route, content=content, headers={"a": CANARY})
    printed = capsys.readouterr()
    assert len(lines(printed.out)) >= 40
    assert CANARY not in printed.out + printed.err


def test_unexpected_error_is_logged_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error is logged with type, traceback and request ID only."""

    class Broken:
        version, topics = "broken", ()

        def predict(self, texts: list[str]) -> list[str]:
            raise KeyError(*texts)

    monkeypatch.setattr(loading, "_load", lambda *_: Broken())
    with TestClient(create_app()) as client:
        wait_until(client, lambda response: response.status_code == 200)
        response = client.post("/predict_one", json={"text": CANARY})
    assert response.status_code == 500
    assert response.json() == {"detail": "unexpected error; see the service's log"}
    printed = capsys.readouterr().out
    assert CANARY not in printed
    (line,) = (line for line in lines(printed) if line["event"] == "failed")
    assert line["error"] == "KeyError"
    assert line["id"] == response.headers["x-request-id"]
    assert line["at"][-1].endswith(" predict")


def test_unexpected_error_of_any_route_gives_json(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error in a route that FastAPI handles gives JSON too."""
    monkeypatch.delattr(ServiceMetrics, "exposition")
    response = client.get("/metrics")
    assert response.status_code == 500
    assert response.json() == {"detail": "unexpected error; see the service's log"}


@pytest.mark.parametrize(
    ("given", "kept"), [("a-b_c.1", True), ("a b", False), ('"', False), ("", False)]
)
def test_valid_request_id_is_kept(client: TestClient, given: str, kept: bool) -> None:
    """A valid x-request-id is kept, so that a request can be traced across services."""
    response = client.get("/health", headers={"x-request-id": given})
    assert (response.headers["x-request-id"] == given) == kept
    assert response.headers["x-request-id"]


def test_overlong_request_id_is_replaced(client: TestClient) -> None:
    """An ID of more than 64 characters is replaced, so that log lines stay short."""
    response = client.get("/health", headers={"x-request-id": "a" * 65})
    assert len(response.headers["x-request-id"]) == 16


def test_loading_is_logged(
    logging_client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Loading a model is logged with its version and source."""
    events = lines(capsys.readouterr().out)
    ready = next(line for line in events if line["event"] == "ready")
    version = logging_client.get("/ready").json()["model"]["version"]
    assert (ready["version"], ready["source"]) == (version, "MODEL_PATH")


def test_level_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At LOG_LEVEL warning, a missing model is logged as an error, requests are not."""
    monkeypatch.setenv("LOG_LEVEL", "warning")
    with TestClient(create_app()) as client:
        wait_until(client, lambda response: "nowhere" not in response.text)
        wait_until(client, lambda response: "expected one" in response.text)
    (line,) = lines(capsys.readouterr().out)
    assert (line["level"], line["event"]) == ("error", "no model")
    assert line["retry_in"] == loading.MIN_RETRY_SECONDS


def test_uvicorn_logs_json_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Lines of uvicorn's loggers are JSON and appear once, despite its own handlers."""
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(logging.StreamHandler())
    logs.configure("info")
    logger.info("Started on port %d", 8000)
    printed = capsys.readouterr()
    assert [line["event"] for line in lines(printed.out)] == ["Started on port 8000"]
    assert not printed.err


def test_closed_log_does_not_fail_a_request(
    logging_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request succeeds even if the reader of standard output is gone."""

    class ClosedPipe(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", ClosedPipe())
    assert logging_client.get("/health").status_code == 200
