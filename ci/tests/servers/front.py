"""An HTTP server that passes requests on to a real one, and treats some of them as a test scripts it."""

import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, NamedTuple, Self

# Headers that belong to one connection: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP: Final = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}


class Request(NamedTuple):
    """A request as it arrived; the names of its headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Return method and target, which scripts are matched against."""
        return f"{self.method} {self.target}"

    @property
    def authorization(self) -> str:
        """Return what the request says about who asks; empty if nothing."""
        return self.headers.get("authorization", "")


class Reply(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody writes to it
    body: bytes = b""


class Exchange:
    """One request in the hands of a script."""

    def __init__(self, handler: "_Handler", request: Request) -> None:
        self.request = request
        self._handler = handler

    def pass_on(self, target: str | None = None) -> Reply:
        """Return what the real server answers; to another target if one is given."""
        return self._handler.front.behind(self.request._replace(target=target or self.request.target))

    def answer(self, reply: Reply, *, withheld: int = 0) -> None:
        """Give an answer; without its last ``withheld`` bytes, though it announces them."""
        self._handler.give(reply, withheld)

    def reset(self) -> None:
        """Close the connection with RST instead of an answer."""
        # Lingering for zero seconds makes close() send RST.
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handler.close_connection = True


Act = Callable[[Exchange], None]


@dataclass
class _Script:
    pattern: re.Pattern[str]
    act: Act
    times: float


@dataclass
class Front:
    """The server that clients meet, as a context manager.

    Attributes:
        behind: Asks the real server.
        gate: Turns a request away before anything else looks at it; None to let it in.
        requests: The requests so far, without their bodies.
        statuses: The status of every answer so far.
    """

    behind: Callable[[Request], Reply]
    gate: Callable[[Request], Reply | None] = lambda _: None
    requests: list[Request] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    _scripts: list[_Script] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"front": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"localhost:{self._http.server_port}"

    @property
    def lines(self) -> list[str]:
        """Return method and target of every request so far."""
        return [request.line for request in self.requests]

    def script(self, pattern: str, act: Act, times: float = float("inf")) -> None:
        """Let ``act`` treat the first ``times`` requests that ``pattern`` is found in; earlier scripts go first."""
        self._scripts.append(_Script(re.compile(pattern), act, times))

    def lift(self, pattern: str) -> None:
        """Forget the scripts that were made for ``pattern``."""
        self._scripts = [script for script in self._scripts if script.pattern.pattern != pattern]

    def treat(self, exchange: Exchange) -> None:
        """Answer a request: by the gate, by a script, or by the real server."""
        request = exchange.request
        self.requests.append(request._replace(body=b""))
        turned_away = self.gate(request)
        if turned_away:
            exchange.answer(turned_away)
            return
        act = self._act(request.line)
        if act:
            act(exchange)
        else:
            exchange.answer(exchange.pass_on())

    def _act(self, line: str) -> Act | None:
        with self._lock:
            for script in self._scripts:
                if script.times > 0 and script.pattern.search(line):
                    script.times -= 1
                    return script.act
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    front: Front

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(headers))
        self.front.treat(Exchange(self, request))

    def give(self, reply: Reply, withheld: int) -> None:
        """Write an answer."""
        self.front.statuses.append(reply.status)
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name in reply.headers}:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: len(reply.body) - withheld])
        self.close_connection |= withheld > 0

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a test reads the requests."""


def answers(status: int, body: bytes = b"", **headers: str) -> Act:
    """Answer without asking the real server; ``_`` in a header's name stands for a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.answer(Reply(status, named, body))


def passes(exchange: Exchange) -> None:
    """Leave a request to the real server: what a later script treats is then the next one."""
    exchange.answer(exchange.pass_on())


def breaks_off(exchange: Exchange) -> None:
    """Send half of the real answer and close."""
    reply = exchange.pass_on()
    exchange.answer(reply, withheld=max(1, len(reply.body) // 2))


def resets(exchange: Exchange) -> None:
    """Close the connection before the real server learns of the request."""
    exchange.reset()


def does_without_saying_so(exchange: Exchange) -> None:
    """Let the real server do what it is asked, and answer as a gateway that lost sight of it."""
    exchange.pass_on()
    exchange.answer(Reply(502, {}, b"<html>Bad Gateway</html>"))


def after(happening: Callable[[], object]) -> Act:
    """Let the real server answer, and let something happen before the answer is given."""

    def act(exchange: Exchange) -> None:
        reply = exchange.pass_on()
        happening()
        exchange.answer(reply)

    return act


def before(happening: Callable[[], object]) -> Act:
    """Let something happen before the real server learns of the request."""

    def act(exchange: Exchange) -> None:
        happening()
        exchange.answer(exchange.pass_on())

    return act


def changes(header: str, value: str) -> Act:
    """Give the real answer with another value of a header."""

    def act(exchange: Exchange) -> None:
        reply = exchange.pass_on()
        kept = {name: held for name, held in reply.headers.items() if name.lower() != header.lower()}
        exchange.answer(reply._replace(headers=kept | {header: value}))

    return act


def asks_for(query: str) -> Act:
    """Ask the real server with a query that the caller did not make."""
    return lambda exchange: exchange.answer(exchange.pass_on(f"{exchange.request.target}?{query}"))
