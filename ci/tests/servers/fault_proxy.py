"""An HTTP proxy in front of a real server that handles some requests as a test scripts them."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.servers.loopback import Handler, Reply, Request, Server

# Headers that belong to one connection: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP: Final = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}


@dataclass(frozen=True)
class Exchange:
    """One request that a scripted action handles.

    Attributes:
        request: The request.
        upstream: Sends a request to the real server.
    """

    request: Request
    upstream: Callable[[Request], Reply]

    def forward(self, target: str | None = None) -> Reply:
        """Return the real server's reply to the request, or to the same request for another ``target``."""
        return self.upstream(self.request._replace(target=target or self.request.target))


Action = Callable[[Exchange], Reply]


@dataclass
class _Script:
    pattern: re.Pattern[str]
    action: Action
    times: float


@dataclass
class FaultProxy(Server):
    """The proxy, as a context manager.

    Attributes:
        upstream: Sends a request to the real server.
        request_filter: Returns the reply to a rejected request, before any script sees it; None to accept the request.
        fixed_port: The port to listen on; 0 for a free one.
        requests: The requests so far, without their bodies.
        statuses: The status of every reply so far.
    """

    upstream: Callable[[Request], Reply]
    request_filter: Callable[[Request], Reply | None] = lambda _: None
    fixed_port: int = 0
    requests: list[Request] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    _scripts: list[_Script] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"localhost:{self.port}"

    @property
    def lines(self) -> list[str]:
        """Return method and target of every request so far."""
        return [request.line for request in self.requests]

    def script(self, pattern: str, action: Action, times: float = float("inf")) -> None:
        """Handle the first ``times`` requests that match ``pattern`` by ``action``; earlier scripts go first."""
        self._scripts.append(_Script(re.compile(pattern), action, times))

    def lift(self, pattern: str) -> None:
        """Remove the scripts of ``pattern``."""
        self._scripts = [script for script in self._scripts if script.pattern.pattern != pattern]

    def handle(self, handler: Handler) -> Reply:
        """Return the reply of the filter, of a script, or of the real server."""
        request = handler.read()
        self.requests.append(request._replace(body=b""))
        reply = self.request_filter(request) or self._action(request.line)(Exchange(request, self.upstream))
        if not (reply.reset or reply.stall):
            self.statuses.append(reply.status)
        return reply

    def _action(self, line: str) -> Action:
        with self._lock:
            for script in self._scripts:
                if script.times > 0 and script.pattern.search(line):
                    script.times -= 1
                    return script.action
        return passes


def passes(exchange: Exchange) -> Reply:
    """Forward the request, so that a later script handles the request after it."""
    return exchange.forward()


def answers(status: int, body: bytes = b"", **headers: str) -> Action:
    """Reply without the real server; ``_`` in the name of a header stands for a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status, body, named)


def breaks_off(exchange: Exchange) -> Reply:
    """Send half of the real reply and close the connection."""
    reply = exchange.forward()
    half = max(1, len(reply.body) // 2)
    return reply._replace(body=reply.body[:-half], cut=half)


def resets(_: Exchange) -> Reply:
    """Reset the connection before the real server receives the request."""
    return Reply(reset=True)


def loses_the_reply(exchange: Exchange) -> Reply:
    """Forward the request, then reply 502 as a gateway that lost the connection to the server."""
    exchange.forward()
    return Reply(502, b"<html>Bad Gateway</html>")


def after(callback: Callable[[], object]) -> Action:
    """Forward the request, then call ``callback`` before the client receives the reply."""

    def action(exchange: Exchange) -> Reply:
        reply = exchange.forward()
        callback()
        return reply

    return action


def before(callback: Callable[[], object]) -> Action:
    """Call ``callback`` before the real server receives the request."""

    def action(exchange: Exchange) -> Reply:
        callback()
        return exchange.forward()

    return action


def changes(header: str, value: str) -> Action:
    """Forward the request and replace the value of a header in the reply."""

    def action(exchange: Exchange) -> Reply:
        reply = exchange.forward()
        kept = {name: held for name, held in reply.headers.items() if name.lower() != header.lower()}
        return reply._replace(headers=kept | {header: value})

    return action


def asks_for(query: str) -> Action:
    """Forward the request with a query that the client did not send."""
    return lambda exchange: exchange.forward(f"{exchange.request.target}?{query}")
