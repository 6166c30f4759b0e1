"""A scripted registry on the loopback interface, and a client of it whose pauses take no time."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

import pytest
from tests.servers import loopback
from tests.servers.loopback import Handler, Reply, Request

from stage_ci.adapters.registry import Registry, RegistryLogin, RetryPolicy

PATH: Final = "owner/service"
LOGIN: Final = RegistryLogin("robot", "canary-7f3a")


class Server(loopback.Server):
    """A scripted registry; a client takes each port for a host of its own."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._scripts: dict[tuple[str, str], list[Reply]] = {}
        self._required: tuple[str, str] | None = None

    @property
    def host(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Return the URL."""
        return f"http://{self.host}"

    @property
    def lines(self) -> list[str]:
        """Return method and target of every request so far."""
        return [request.line for request in self.requests]

    def on(self, request: str, *replies: Reply) -> None:
        """Script the replies to ``METHOD target``, relative to the repository or absolute; the last one repeats."""
        method, target = request.split(" ")
        absolute = target.startswith("/") or method == "CONNECT"
        self._scripts[method, target if absolute else f"/v2/{PATH}/{target}"] = list(replies)

    def require(self, authorization: str, challenge: str) -> None:
        """Reply 401 with ``challenge`` to every request below /v2/ that does not send ``authorization``."""
        self._required = (authorization, challenge)

    def handle(self, handler: Handler) -> Reply:
        """Return the scripted reply; a request to be reset is read by half."""
        reply = self._reply_to(handler.head)
        self.requests.append(handler.read(half=reply.reset))
        return reply

    def _reply_to(self, request: Request) -> Reply:
        if self._required and request.target.startswith("/v2/") and request.authorization != self._required[0]:
            return Reply(401, headers={"WWW-Authenticate": self._required[1]})
        replies = self._scripts.get((request.method, request.target), [Reply(404, b"not scripted")])
        return replies.pop(0) if len(replies) > 1 else replies[0]


class Scripting:
    """Replies and clients for tests, in one fixture because the files of this folder cannot import each other."""

    login = LOGIN
    basic = "Basic " + base64.b64encode(f"{LOGIN.username}:{LOGIN.password}".encode()).decode()
    reply = Reply

    def __init__(self, waits: list[float]) -> None:
        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        self._policy = RetryPolicy(request_seconds=5.0, total_seconds=10.0, sleep=sleep)

    def registry(self, server: Server, login: RegistryLogin | None = None, **policy: float) -> Registry:
        """Return a client of ``server`` that records its pauses instead of sleeping."""
        changed = replace(self._policy, **policy)  # type: ignore[arg-type]  # one keyword for each bound
        return Registry(server.url, PATH, login, policy=changed)

    @staticmethod
    def json(value: object, status: int = 200, **headers: str) -> Reply:
        """Return a reply whose body is ``value`` as JSON; ``_`` in the name of a header stands for a dash."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return Reply(status, json.dumps(value).encode(), named)

    @staticmethod
    def error(code: str, status: int = 404) -> Reply:
        """Return an error reply in the form of the distribution specification."""
        return Scripting.json({"errors": [{"code": code, "message": "as scripted", "detail": None}]}, status)


@pytest.fixture
def start_server() -> Iterator[Callable[[], Server]]:
    """Return a function that starts one more server."""
    with ExitStack() as servers:
        yield lambda: servers.enter_context(Server())


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
    """Return the pauses so far, in seconds."""
    return []


@pytest.fixture
def script(waits: list[float]) -> Scripting:
    """Return the helper that makes replies and clients."""
    return Scripting(waits)
