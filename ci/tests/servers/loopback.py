"""An HTTP server on the loopback interface whose replies, broken connections and silences a test defines."""

import contextlib
import socket
import ssl
import struct
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self


class Request(NamedTuple):
    """A request as received, with the names of its headers in lower case."""

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
        """Return the Authorization header; empty if the request has none."""
        return self.headers.get("authorization", "")


class Reply(NamedTuple):
    """A reply, or a way of failing to reply."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - never modified
    cut: int = 0  # the bytes by which Content-Length exceeds the body; the server then closes the connection
    reset: bool = False  # close the connection with RST instead of replying
    stall: bool = False  # send nothing until the server closes


class Server(ABC):
    """A server on a port of its own, as a context manager; a subclass defines the replies.

    Attributes:
        fixed_port: The port to listen on; 0 for a free one.
        closing: Set when the server stops, which releases the stalled connections.
    """

    fixed_port: int = 0
    closing: threading.Event

    def __enter__(self) -> Self:
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", self.fixed_port), type("Handler", (Handler,), {"owner": self}))
        # A client may keep a connection open after the server has closed.
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

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)

    def close(self) -> None:
        """Stop the server."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @abstractmethod
    def handle(self, handler: "Handler") -> Reply:
        """Return the reply to the request that ``handler`` has received."""


class Handler(BaseHTTPRequestHandler):
    """One connection, whose requests the server handles one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: Server

    def handle_one_request(self) -> None:
        """Receive one request of any method and send the server's reply."""
        self.raw_requestline = b""
        with contextlib.suppress(ConnectionResetError):  # by a client that was killed
            self.raw_requestline = self.rfile.readline(65_537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        self._send(self.owner.handle(self))

    @property
    def head(self) -> Request:
        """Return the request without its body."""
        # A client may send a header several times, as skopeo sends Accept (RFC 9110, 5.3).
        headers = {name.lower(): ", ".join(self.headers.get_all(name, [])) for name in self.headers}
        return Request(self.command, self.path, headers, b"")

    def read(self, *, half: bool = False) -> Request:
        """Read the body, or half of it if it has a length, and return the request with it."""
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

    def _send(self, reply: Reply) -> None:
        if reply.stall:
            self.owner.closing.wait()
        if reply.stall or reply.reset:
            # socket(7), SO_LINGER: with a timeout of zero, close() sends RST.
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
        """Log nothing: tests read the recorded requests."""
