"""A registry on the loopback interface that answers as a test scripts it, and a client that never sleeps."""

import base64
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple

import pytest

from stage_ci.adapters.registry import Credentials, Patience, Registry

PATH: Final = "owner/service"
CREDENTIALS: Final = Credentials("robot", "canary-7f3a")


class Asked(NamedTuple):
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def authorization(self) -> str:
        """Return what the request said about who asks; empty when nothing."""
        return self.headers.get("authorization", "")


@dataclass(frozen=True)
class Reply:
    """An answer to give, or a way of giving none."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False  # announces more than it sends, then closes
    reset: bool = False  # closes with RST halfway through what it is sent, instead of answering
    stall: bool = False  # answers nothing until the server closes


class Server:
    """A scripted registry; each of its ports is a host of its own to a client."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self._scripts: dict[tuple[str, str], list[Reply]] = {}
        self._demand: tuple[str, str] | None = None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": self}))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def host(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self._http.server_port}"

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://{self.host}"

    @property
    def log(self) -> list[str]:
        """Return the requests so far, each as method and target."""
        return [f"{asked.method} {asked.target}" for asked in self.asked]

    def on(self, request: str, *replies: Reply) -> None:
        """Script the answers to a request, ``METHOD target`` below the repository; the last one repeats."""
        method, target = request.split(" ")
        self._scripts[method, target if target.startswith("/") else f"/v2/{PATH}/{target}"] = list(replies)

    def demand(self, authorization: str, challenge: str) -> None:
        """Answer 401 with ``challenge`` below /v2/ to whoever does not bring ``authorization``."""
        self._demand = (authorization, challenge)

    def reply_to(self, asked: Asked) -> Reply:
        """Return the scripted answer."""
        if self._demand and asked.target.startswith("/v2/") and asked.authorization != self._demand[0]:
            return Reply(401, headers={"WWW-Authenticate": self._demand[1]})
        replies = self._scripts.get((asked.method, asked.target), [Reply(404, b"not scripted")])
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def close(self) -> None:
        """Stop answering."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    registry: Server

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, b"")
        reply = self.registry.reply_to(asked)
        length = int(headers.get("content-length", 0))
        body = self.rfile.read(length // 2 if reply.reset else length)
        self.registry.asked.append(asked._replace(body=body))
        self._give(reply)

    def _give(self, reply: Reply) -> None:
        if reply.stall:
            self.registry.closing.wait()
        if reply.stall or reply.reset:
            # Lingering for zero seconds makes close() send RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) + 100 * reply.cut))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else reply.body)
        self.close_connection = reply.cut

    def log_message(self, *_: object) -> None:
        """Say nothing: the test reads the requests."""


class Scripting:
    """What tests script with, in one fixture because the files of this folder cannot import each other."""

    credentials = CREDENTIALS
    basic = "Basic " + base64.b64encode(f"{CREDENTIALS.username}:{CREDENTIALS.password}".encode()).decode()
    reply = Reply

    def __init__(self, waits: list[float]) -> None:
        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        self._patience = Patience(request_seconds=5.0, total_seconds=10.0, sleep=sleep)

    def registry(self, server: Server, credentials: Credentials | None = None, **patience: float) -> Registry:
        """Return a client of ``server`` whose waits are only noted."""
        changed = replace(self._patience, **patience)  # type: ignore[arg-type]  # one keyword for each bound
        return Registry(server.url, PATH, credentials, patience=changed)

    @staticmethod
    def json(value: object, status: int = 200, **headers: str) -> Reply:
        """Return an answer whose body is ``value``; ``_`` in a header's name stands for a dash."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return Reply(status, json.dumps(value).encode(), named)

    @staticmethod
    def error(code: str, status: int = 404) -> Reply:
        """Return an error answer as the distribution specification writes it."""
        return Scripting.json({"errors": [{"code": code, "message": "as scripted", "detail": None}]}, status)


@pytest.fixture
def start_server() -> Iterator[Callable[[], Server]]:
    """Return a function that starts one more server."""
    servers: list[Server] = []

    def start() -> Server:
        servers.append(Server())
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(start_server: Callable[[], Server]) -> Server:
    """Return the registry."""
    return start_server()


@pytest.fixture
def other(start_server: Callable[[], Server]) -> Server:
    """Return another host."""
    return start_server()


@pytest.fixture
def waits() -> list[float]:
    """Return the waits so far, in seconds."""
    return []


@pytest.fixture
def script(waits: list[float]) -> Scripting:
    """Return what to script with."""
    return Scripting(waits)
