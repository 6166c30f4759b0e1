"""An HTTP server that passes requests on to a real one, and treats some of them as a test scripts it."""

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
    """One request in the hands of a script.

    Attributes:
        request: The request.
        behind: Asks the real server.
    """

    request: Request
    behind: Callable[[Request], Reply]

    def pass_on(self, target: str | None = None) -> Reply:
        """Return what the real server answers; to another target if one is given."""
        return self.behind(self.request._replace(target=target or self.request.target))


Act = Callable[[Exchange], Reply]


@dataclass
class _Script:
    pattern: re.Pattern[str]
    act: Act
    times: float


@dataclass
class Front(Server):
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

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"localhost:{self.port}"

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

    def treat(self, asked: Handler) -> Reply:
        """Answer a request: by the gate, by a script, or by the real server."""
        request = asked.read()
        self.requests.append(request._replace(body=b""))
        reply = self.gate(request) or self._act(request.line)(Exchange(request, self.behind))
        if not (reply.reset or reply.stall):
            self.statuses.append(reply.status)
        return reply

    def _act(self, line: str) -> Act:
        with self._lock:
            for script in self._scripts:
                if script.times > 0 and script.pattern.search(line):
                    script.times -= 1
                    return script.act
        return passes


def passes(exchange: Exchange) -> Reply:
    """Leave a request to the real server: what a later script treats is then the next one."""
    return exchange.pass_on()


def answers(status: int, body: bytes = b"", **headers: str) -> Act:
    """Answer without asking the real server; ``_`` in a header's name stands for a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Reply(status, body, named)


def breaks_off(exchange: Exchange) -> Reply:
    """Send half of the real answer and close."""
    reply = exchange.pass_on()
    half = max(1, len(reply.body) // 2)
    return reply._replace(body=reply.body[:-half], cut=half)


def resets(_: Exchange) -> Reply:
    """Close the connection before the real server learns of the request."""
    return Reply(reset=True)


def does_without_saying_so(exchange: Exchange) -> Reply:
    """Let the real server do what it is asked, and answer as a gateway that lost sight of it."""
    exchange.pass_on()
    return Reply(502, b"<html>Bad Gateway</html>")


def after(happening: Callable[[], object]) -> Act:
    """Let the real server answer, and let something happen before the answer is given."""

    def act(exchange: Exchange) -> Reply:
        reply = exchange.pass_on()
        happening()
        return reply

    return act


def before(happening: Callable[[], object]) -> Act:
    """Let something happen before the real server learns of the request."""

    def act(exchange: Exchange) -> Reply:
        happening()
        return exchange.pass_on()

    return act


def changes(header: str, value: str) -> Act:
    """Give the real answer with another value of a header."""

    def act(exchange: Exchange) -> Reply:
        reply = exchange.pass_on()
        kept = {name: held for name, held in reply.headers.items() if name.lower() != header.lower()}
        return reply._replace(headers=kept | {header: value})

    return act


def asks_for(query: str) -> Act:
    """Ask the real server with a query that the caller did not make."""
    return lambda exchange: exchange.pass_on(f"{exchange.request.target}?{query}")
