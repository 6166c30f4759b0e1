"""An HTTP server on the loopback interface that answers as a test says, or breaks off, or says nothing."""

import socket
import struct
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self


class Request(NamedTuple):
    """A request as it arrived; the names of its headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        """Return method and target."""
        return f"{self.method} {self.target}"

    @property
    def authorization(self) -> str:
        """Return what the request says about who asks; empty if nothing."""
        return self.headers.get("authorization", "")


class Reply(NamedTuple):
    """An answer to give, or a way of giving none."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody writes to it
    cut: int = 0  # announces so many bytes more than it sends, then closes
    reset: bool = False  # closes with RST instead of answering
    stall: bool = False  # answers nothing until the server closes


class Server(ABC):
    """Answers on a port of its own while it is entered; a subclass says what.

    Attributes:
        closing: Set when it stops; until then it says nothing to those it stalls.
    """

    closing: threading.Event

    def __enter__(self) -> Self:
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"owner": self}))
        # A client may keep its connection for longer than the server is there.
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """Return the port."""
        return self._http.server_port

    def close(self) -> None:
        """Stop answering."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @abstractmethod
    def treat(self, asked: "Handler") -> Reply:
        """Return what is answered to a request."""


class Handler(BaseHTTPRequestHandler):
    """One connection, whose requests the server treats one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: Server

    def handle_one_request(self) -> None:
        """Let the server treat a request, whatever its method."""
        self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self._give(self.owner.treat(self))

    @property
    def head(self) -> Request:
        """Return the request as far as it was read: without its body."""
        return Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, b"")

    def read(self, *, half: bool = False) -> Request:
        """Read the body, or half of one that has a length; return the request with what was read."""
        head = self.head
        if head.headers.get("transfer-encoding") == "chunked":
            return head._replace(body=self._chunks())
        length = int(head.headers.get("content-length", 0))
        return head._replace(body=self.rfile.read(length // 2 if half else length))

    def _chunks(self) -> bytes:
        # https://www.rfc-editor.org/rfc/rfc9112#section-7.1
        body = bytearray()
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def _give(self, reply: Reply) -> None:
        if reply.stall:
            self.owner.closing.wait()
        if reply.stall or reply.reset:
            # Lingering for zero seconds makes close() send RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "content-length" not in {name.lower() for name in reply.headers}:
            self.send_header("Content-Length", str(len(reply.body) + reply.cut))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else reply.body)
        self.close_connection |= reply.cut > 0

    def log_message(self, *_: object) -> None:
        """Say nothing: a test reads the requests."""
