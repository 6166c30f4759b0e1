"""What the service logs: lines of JSON, and never what was in a ticket."""

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
from callcenterai_svm.service.telemetry import Metrics

CANARY = "quetzalcoatl"

JSON = {"content-type": "application/json"}


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Logging as it was is logging as it will be; of the client's nothing is said."""
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
    """A service that takes the process for its own, as it does when uvicorn makes it."""
    monkeypatch.setenv("MODEL_PATH", str(model_folder))
    with TestClient(create_app()) as client:
        wait_until(client, lambda response: response.status_code == 200)
        yield client


def lines(printed: str) -> list[dict[str, Any]]:
    """What was printed, read."""
    return [json.loads(line) for line in printed.splitlines()]


def test_request_is_one_line(
    logging_client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """With all there is to know about it."""
    capsys.readouterr()
    answer = logging_client.post("/predict", json={"text": [CANARY, "b"]})
    (line,) = lines(capsys.readouterr().out)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert 0 < line.pop("milliseconds") < 60_000
    assert line == {
        "level": "info",
        "event": "request",
        "id": answer.headers["x-request-id"],
        "method": "POST",
        "route": "/predict",
        "status": 200,
        "texts": 2,
    }


def test_no_line_holds_the_text_of_a_ticket(
    logging_client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """However it came, and whether or not it was taken."""
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


def test_unexpected_failure_is_logged_by_kind_and_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not by its message, which may quote; the client learns its number."""

    class Broken:
        version, topics = "broken", ()

        def predict(self, texts: list[str]) -> list[str]:
            raise KeyError(*texts)

    monkeypatch.setattr(loading, "_load", lambda *_: Broken())
    with TestClient(create_app()) as client:
        wait_until(client, lambda response: response.status_code == 200)
        response = client.post("/predict_one", json={"text": CANARY})
    assert response.status_code == 500
    assert response.json() == {"detail": "unexpected; the log has more"}
    printed = capsys.readouterr().out
    assert CANARY not in printed
    (line,) = (line for line in lines(printed) if line["event"] == "failed")
    assert line["error"] == "KeyError"
    assert line["id"] == response.headers["x-request-id"]
    assert line["at"][-1].endswith(" predict")


def test_unexpected_failure_of_any_route_is_told_in_json(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where FastAPI answers."""
    monkeypatch.delattr(Metrics, "page")
    response = client.get("/metrics")
    assert response.status_code == 500
    assert response.json() == {"detail": "unexpected; the log has more"}


@pytest.mark.parametrize(
    ("given", "kept"), [("a-b_c.1", True), ("a b", False), ('"', False), ("", False)]
)
def test_request_keeps_the_number_it_comes_with(
    client: TestClient, given: str, kept: bool
) -> None:
    """If it is one, so that a request can be followed through several services."""
    answer = client.get("/health", headers={"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) == kept
    assert answer.headers["x-request-id"]


def test_overlong_number_is_exchanged(client: TestClient) -> None:
    """A log is no place to store things."""
    answer = client.get("/health", headers={"x-request-id": "a" * 65})
    assert len(answer.headers["x-request-id"]) == 16


def test_loading_is_logged(
    logging_client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which model was loaded, and from where."""
    events = lines(capsys.readouterr().out)
    ready = next(line for line in events if line["event"] == "ready")
    version = logging_client.get("/ready").json()["model"]["version"]
    assert (ready["version"], ready["source"]) == (version, "MODEL_PATH")


def test_level_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Requests are of level info, a missing model is an error."""
    monkeypatch.setenv("LOG_LEVEL", "warning")
    with TestClient(create_app()) as client:
        wait_until(client, lambda response: "nowhere" not in response.text)
        wait_until(client, lambda response: "expected one" in response.text)
    (line,) = lines(capsys.readouterr().out)
    assert (line["level"], line["event"]) == ("error", "no model")
    assert line["retry_in"] == loading.SHORTEST_PAUSE


def test_the_server_s_own_lines_are_json_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It has set up its loggers before; every line is printed once."""
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(logging.StreamHandler())
    logs.configure("info")
    logger.info("Started on port %d", 8000)
    printed = capsys.readouterr()
    assert [line["event"] for line in lines(printed.out)] == ["Started on port 8000"]
    assert not printed.err


def test_log_that_nobody_reads_stops_nothing(
    logging_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads it may have gone away."""

    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Full())
    assert logging_client.get("/health").status_code == 200
