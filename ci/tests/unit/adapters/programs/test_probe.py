"""The program that probes a running image, against a real HTTP server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
from tests.servers.loopback import Reply, Server

from stage_ci.adapters.programs import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.loopback import Handler, Request

    Run = Callable[..., "Done"]

PREDICTION: Final = '{"prediction": "Hardware", "confidence": 0.9}'
TICKET: Final = "my laptop screen stays black"


class Service(Server):
    """A service with scripted responses, which are healthy by default."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, str]]] = {
            "/health": [(200, "ok")],
            "/ready": [(200, "ready")],
            "/predict_one": [(200, PREDICTION)],
            "/": [(200, '{"topics": ["Access", "Hardware"]}')],
        }
        self.requests: list[Request] = []
        self.stalls = ""

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://127.0.0.1:{self.port}"

    def handle(self, handler: Handler) -> Reply:
        """Give the scripted answer."""
        request = handler.read()
        self.requests.append(request)
        if request.target == self.stalls:
            return Reply(stall=True)
        answers = self.answers[request.target]
        status, text = answers.pop(0) if len(answers) > 1 else answers[0]
        return Reply(status, text.encode())


class Done(NamedTuple):
    """The exit status and the output lines of the program."""

    status: int
    lines: list[str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Return a function that runs the program on a URL with a time limit and, optionally, an expected topic."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def run(base: str, seconds: float = 5, *topic: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["probe.py", base, str(seconds), TICKET, *topic])
        return Done(probe.main(), capsys.readouterr().out.splitlines())

    return run


@pytest.fixture
def service() -> Iterator[Service]:
    """Return a healthy service."""
    with Service() as service:
        yield service


def test_a_healthy_service_passes(service: Service) -> None:
    """The program exits with 0 and prints each response; it runs with the standard library only."""
    command = [sys.executable, "-I", probe.__file__, service.url, "5", TICKET, "Hardware"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "/health answers 200: ok",
        "/ready answers 200: ready",
        f"/predict_one answers 200: {PREDICTION}",
        "ready, and answers a ticket with Hardware",
    ]


def test_the_service_is_reached_past_a_proxy(service: Service, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is not used, because it does not know the host of the service."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert run(service.url).status == 0


def test_the_ticket_is_sent_as_json(service: Service, run: Run) -> None:
    """The program posts the text of the ticket to /predict_one as JSON."""
    run(service.url)
    (request,) = [request for request in service.requests if request.line == "POST /predict_one"]
    assert json.loads(request.body) == {"text": TICKET}


@pytest.mark.fault(39)
def test_another_topic_than_the_expected_one_fails(service: Service, run: Run) -> None:
    """The program exits with 1 and names the predicted and the expected topic if they differ."""
    status, lines = run(service.url, 5, "Access")
    assert (status, lines[-1]) == (1, "/predict_one answers a ticket with Hardware, expected Access")


@pytest.mark.fault(39)
@pytest.mark.parametrize("topic", [(), ("Hardware",)], ids=["any topic", "the expected topic"])
def test_a_topic_that_the_service_does_not_list_fails(service: Service, run: Run, topic: tuple[str, ...]) -> None:
    """The program exits with 1 if the root page lists topics and the predicted one is not among them."""
    service.answers["/"] = [(200, '{"topics": ["Access", "Storage"]}')]
    status, lines = run(service.url, 5, *topic)
    expected = "/predict_one answers a ticket with Hardware, which is not one of the topics listed at /"
    assert (status, lines[-1]) == (1, expected)


@pytest.mark.parametrize("page", ['{"status": "ok"}', '{"topics": 8}', "<html>", "[]", ""])
def test_any_topic_passes_if_the_service_lists_none(service: Service, run: Run, page: str) -> None:
    """A service whose root page is missing or lists no topics passes with any topic."""
    service.answers["/"] = [(404, page)]
    assert run(service.url).status == 0


def test_a_service_that_becomes_ready_is_waited_for(service: Service, run: Run) -> None:
    """The program repeats the request for /ready until the service responds with 200."""
    service.answers["/ready"] = [(503, "loading"), (503, "loading"), (200, "ready")]
    status, lines = run(service.url)
    assert (status, lines[1]) == (0, "/ready answers 200: ready")


@pytest.mark.fault(39)
@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_a_service_that_does_not_become_ready_fails(service: Service, run: Run, path: str) -> None:
    """After the time limit the program exits with 1, prints the last response, and requests no prediction."""
    service.answers[path] = [(503, "no model in sight")]
    status, lines = run(service.url, 0.2)
    assert (status, lines[-1]) == (1, f"{path} answers 503: no model in sight")
    assert "/predict_one" not in [request.target for request in service.requests]


@pytest.mark.fault(39)
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, PREDICTION),
        (422, '{"detail": "text missing"}'),
        (200, ""),
        (200, "<html>"),
        (200, "null"),
        (200, '["Hardware"]'),
        (200, "{}"),
        (200, '{"prediction": ""}'),
        (200, '{"prediction": 3}'),
        (200, '{"prediction": ["Hardware"]}'),
    ],
)
def test_a_response_without_a_topic_fails(service: Service, run: Run, status: int, text: str) -> None:
    """The program exits with 1 and prints the response if its status is not 200 or it contains no topic."""
    service.answers["/predict_one"] = [(status, text)]
    done = run(service.url)
    assert (done.status, done.lines[-1]) == (1, f"/predict_one answers {status}: {text}")


@pytest.mark.fault(39)
@pytest.mark.parametrize("path", ["/ready", "/predict_one"])
def test_a_response_of_several_lines_is_printed_in_one(service: Service, run: Run, path: str) -> None:
    """The last line of the output, which becomes the error, contains the start of the response."""
    service.answers[path] = [(500, "Traceback:\n  File\nValueError: no model\n")]
    assert run(service.url, 0.2).lines[-1].startswith(f"{path} answers 500: Traceback:")


@pytest.mark.fault(39)
def test_a_service_that_does_not_listen_fails(run: Run) -> None:
    """The program exits with 1 if nothing listens on the port, as after a crash."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    status, lines = run(f"http://127.0.0.1:{port}", 0.2)
    assert status == 1
    assert lines[-1].startswith("/health does not answer: ")


@pytest.mark.fault(39)
@pytest.mark.parametrize("answer", [b"\0", b"\x00\x01\x02\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"])
def test_a_service_without_valid_http_fails(run: Run, answer: bytes) -> None:
    """The program exits with 1 and one line, not a traceback, if the response is invalid or incomplete HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer_all, args=(server, answer))
        thread.start()
        try:
            status, lines = run(f"http://127.0.0.1:{server.getsockname()[1]}", 0.2)
        finally:
            socket.create_connection(server.getsockname()).close()
            thread.join()
    assert status == 1
    assert lines[-1].startswith("/health does not answer: ")


def _answer_all(server: socket.socket, answer: bytes) -> None:
    """Send each client the same bytes until one connects without a request."""
    while True:
        connection, _ = server.accept()
        with connection:
            if not connection.recv(65_536):
                return
            connection.sendall(answer)


@pytest.mark.fault(39)
def test_a_service_that_stalls_fails_within_the_time_limit(service: Service, run: Run) -> None:
    """The time limit applies to a single response, too."""
    service.stalls = "/ready"
    rescue = threading.Timer(3, service.closing.set)
    rescue.start()
    start = time.monotonic()
    status, lines = run(service.url, 0.5)
    rescue.cancel()
    assert time.monotonic() - start < 2
    assert status == 1
    assert lines[-1].startswith("/ready does not answer: ")
