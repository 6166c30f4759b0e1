"""The service as the image starts it: a process, a socket, a signal."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import PATIENCE

from callcenterai_svm.service.limits import MAX_BODY_BYTES

ROOT = Path(__file__).parents[3]

BODY = b'{"text": "my password expired"}'


@dataclass(frozen=True)
class Server:
    """A running service."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    errors: Path

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        """Returns status and text of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"content-type": "application/json"}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def connect(self) -> socket.socket:
        """Returns a connection to write bytes to."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def events(self) -> list[str]:
        """Returns what it has logged, a name each."""
        return [json.loads(line)["event"] for line in self.log.read_text().splitlines()]


def command(port: int) -> list[str]:
    """The Dockerfile's, on another port of this machine alone."""
    text = (ROOT / "Dockerfile").read_text()
    found = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert found
    program, *options = json.loads(found[1])
    options[options.index("--port") + 1] = str(port)
    options[options.index("--host") + 1] = "127.0.0.1"
    return [sys.executable, "-m", program, *options]


@pytest.fixture
def server(model_folder: Path, tmp_path: Path) -> Iterator[Server]:
    """A service that has become ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "MODEL_PATH": str(model_folder),
        "PYTHONPATH": str(ROOT / "src"),
        # Where Python tells of each import, and nothing else should be.
        "PYTHONPROFILEIMPORTTIME": "1",
    }
    log, errors = tmp_path / "log", tmp_path / "errors"
    with log.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(
            command(port), env=environment, stdout=stdout, stderr=stderr
        )
    running = Server(process, port, log, errors)
    try:
        wait_until_ready(running)
        yield running
    finally:
        process.kill()
        process.wait()


def wait_until_ready(server: Server) -> None:
    """Asks until there is a model."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if server.ask("GET", "/ready")[0] == 200:
                return
        except OSError:
            pass
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.05)


def answered(connection: socket.socket) -> dict[str, str]:
    """Reads the whole answer of a request."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    body: dict[str, str] = json.loads(answer.read())
    return body


def test_request_in_progress_is_answered_before_the_end(server: Server) -> None:
    """SIGTERM ends the service, but nobody's request; the log has nothing but JSON."""
    head = (
        b"POST /predict_one HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n" % len(BODY)
    )
    with server.connect() as running, server.connect() as idle:
        running.sendall(head + BODY[:5])
        idle.sendall(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
        assert answered(idle) == {"status": "alive"}
        server.process.send_signal(signal.SIGTERM)
        assert idle.recv(1000) == b""
        with pytest.raises(OSError):
            server.connect()
        running.sendall(BODY[5:])
        assert answered(running)["prediction"] == "Access"
    assert server.process.wait(PATIENCE) in (0, -signal.SIGTERM)
    assert server.events().count("request") >= 3
    assert "Finished server process" in server.events()[-1]
    assert "Traceback" not in server.errors.read_text()


def imports(profile: str) -> set[str]:
    """What Python says that it imported, or looked for."""
    return set(re.findall(r"^import time: .*\| +(\S+)$", profile, re.MULTILINE))


def test_image_has_bytecode_for_all_that_a_start_imports(server: Server) -> None:
    """The Dockerfile names it: what is forgotten is compiled anew at every start."""
    named = re.search(r'python -c "(import [^"]*)"', (ROOT / "Dockerfile").read_text())
    assert named
    script = named[1].replace("\\\n", "") + "; import sys; print(*sys.modules)"
    program = [sys.executable, "-X", "importtime", "-c", script]
    compiling = subprocess.run(program, capture_output=True, check=True, text=True)
    # Both, because Python does not tell of each, and not all that was tried is there.
    compiled = {*compiling.stdout.split(), *imports(compiling.stderr)}
    server.ask("POST", "/predict_one", BODY)
    needed = imports(server.errors.read_text()) - compiled
    # uvicorn is a program that the image calls by its name; Python's own has bytecode.
    others = {"callcenterai_svm", "uvicorn.__main__", *sys.stdlib_module_names}
    assert not [
        name
        for name in needed
        if not others.intersection((name, name.partition(".")[0]))
    ]


def test_too_long_body_is_refused_unread(server: Server) -> None:
    """Its length is told before, so nothing of it need be sent."""
    with server.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % 10**12
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")


def test_endless_body_is_refused_once_it_is_too_long(server: Server) -> None:
    """Its end need not come; the service goes on."""
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    with server.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(MAX_BODY_BYTES // (1 << 20) + 1):
            connection.sendall(chunk)
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")
    assert server.ask("POST", "/predict_one", BODY)[0] == 200


def test_client_that_leaves_is_no_failure(server: Server) -> None:
    """It is noted as one that left."""
    with server.connect() as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
            b"content-length: 9\r\n\r\n{"
        )
    end = time.monotonic() + PATIENCE
    while '"status": 499' not in server.log.read_text():
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.02)
    assert "failed" not in server.events()
