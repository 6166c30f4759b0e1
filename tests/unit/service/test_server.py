"""The service as a process, started with the command of the Dockerfile."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import WAIT_SECONDS

from callcenterai_svm.service.limits import MAX_BODY_BYTES

ROOT = Path(__file__).parents[3]

BODY = b'{"text": "my password expired"}'


@dataclass(frozen=True)
class Server:
    """A running service process."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    errors: Path

    def request(
        self, method: str, path: str, body: bytes | None = None
    ) -> tuple[int, str]:
        """Returns the status and the text of a response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"content-type": "application/json"}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def connect(self) -> socket.socket:
        """Returns a raw TCP connection to the service."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def events(self) -> list[str]:
        """Returns the names of the logged events."""
        return [json.loads(line)["event"] for line in self.log.read_text().splitlines()]


def command(port: int) -> list[str]:
    """The Dockerfile's command, on the loopback interface and another port."""
    text = (ROOT / "Dockerfile").read_text()
    found = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert found
    program, *options = json.loads(found[1])
    options[options.index("--port") + 1] = str(port)
    options[options.index("--host") + 1] = "127.0.0.1"
    return [sys.executable, "-m", program, *options]


@contextmanager
def started(model_folder: Path, folder: Path) -> Iterator[Server]:
    """A service that has loaded its model and writes its output to a folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "MODEL_PATH": str(model_folder),
        "PYTHONPATH": str(ROOT / "src"),
        # Python writes each import to stderr, where the service writes nothing else.
        "PYTHONPROFILEIMPORTTIME": "1",
    }
    log, errors = folder / "log", folder / "errors"
    with log.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(
            command(port), cwd=folder, env=environment, stdout=stdout, stderr=stderr
        )
    running = Server(process, port, log, errors)
    try:
        wait_until_ready(running)
        yield running
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(
    model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A service that the tests share, because it takes seconds to start."""
    with started(model_folder, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def own_server(model_folder: Path, tmp_path: Path) -> Iterator[Server]:
    """A service that the test may stop."""
    with started(model_folder, tmp_path) as running:
        yield running


def wait_until_ready(server: Server) -> None:
    """Polls /ready until the model is loaded."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            if server.request("GET", "/ready")[0] == 200:
                return
        except OSError:
            pass
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.05)


def read_response(connection: socket.socket) -> dict[str, str]:
    """Reads a response from a connection and returns its JSON body."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    body: dict[str, str] = json.loads(response.read())
    return body


def test_shutdown_waits_for_running_requests(own_server: Server) -> None:
    """On SIGTERM, running requests finish, new ones are refused, and the log stays JSON."""
    head = (
        b"POST /predict_one HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n" % len(BODY)
    )
    with own_server.connect() as running, own_server.connect() as idle:
        running.sendall(head + BODY[:5])
        idle.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        assert read_response(idle) == {"status": "alive"}
        own_server.process.send_signal(signal.SIGTERM)
        assert idle.recv(1000) == b""
        with pytest.raises(OSError):
            own_server.connect()
        running.sendall(BODY[5:])
        assert read_response(running)["prediction"] == "Access"
    assert own_server.process.wait(WAIT_SECONDS) in (0, -signal.SIGTERM)
    assert own_server.events().count("request") >= 3
    assert "Finished server process" in own_server.events()[-1]
    assert "Traceback" not in own_server.errors.read_text()


def imports(profile: str) -> set[str]:
    """The modules in a profile of ``PYTHONPROFILEIMPORTTIME``."""
    return set(re.findall(r"^import time: .*\| +(\S+)$", profile, re.MULTILINE))


def test_image_has_bytecode_for_every_import(server: Server) -> None:
    """The import statement in the Dockerfile covers every module the service imports.

    Modules it leaves out would be compiled anew at every start.
    """
    named = re.search(r'python -c "(import [^"]*)"', (ROOT / "Dockerfile").read_text())
    assert named
    script = named[1].replace("\\\n", "") + "; import sys; print(*sys.modules)"
    program = [sys.executable, "-X", "importtime", "-c", script]
    compiling = subprocess.run(program, capture_output=True, check=True, text=True)
    # Both, because the profile lacks some modules, and sys.modules lacks those that
    # failed to import.
    compiled = {*compiling.stdout.split(), *imports(compiling.stderr)}
    server.request("POST", "/predict_one", BODY)
    needed = imports(server.errors.read_text()) - compiled
    # The image starts uvicorn by its script instead of -m, and the standard library
    # comes with bytecode.
    others = {"callcenterai_svm", "uvicorn.__main__", *sys.stdlib_module_names}
    assert not [
        name
        for name in needed
        if not others.intersection((name, name.partition(".")[0]))
    ]


def test_declared_length_over_the_limit_is_rejected(server: Server) -> None:
    """A body with too large a content-length is rejected before it is sent."""
    with server.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % 10**12
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")


def test_endless_body_is_rejected(server: Server) -> None:
    """A chunked body is rejected once it exceeds the limit, and the service goes on."""
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    with server.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(MAX_BODY_BYTES // (1 << 20) + 1):
            connection.sendall(chunk)
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")
    assert server.request("POST", "/predict_one", BODY)[0] == 200


def test_disconnected_client_is_logged_with_499(server: Server) -> None:
    """A client that disconnects early is logged with status 499, not as an error."""
    with server.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            b"content-length: 9\r\n\r\n{"
        )
    end = time.monotonic() + WAIT_SECONDS
    while '"status": 499' not in server.log.read_text():
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.02)
    assert "failed" not in server.events()
