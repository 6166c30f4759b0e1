"""A registry on the loopback interface that answers as a test scripts it, and a client that never sleeps."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

import pytest
from tests.servers import loopback
from tests.servers.loopback import Handler, Reply, Request

from stage_ci.adapters.registry import Credentials, Patience, Registry

PATH: Final = "owner/service"
CREDENTIALS: Final = Credentials("robot", "canary-7f3a")


class Server(loopback.Server):
    """A scripted registry; each of its ports is a host of its own to a client."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self._scripts: dict[tuple[str, str], list[Reply]] = {}
        self._demand: tuple[str, str] | None = None

    @property
    def host(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Return the address."""
        return f"http://{self.host}"

    @property
    def log(self) -> list[str]:
        """Return the requests so far, each as method and target."""
        return [asked.line for asked in self.asked]

    def on(self, request: str, *replies: Reply) -> None:
        """Script the answers to a request, ``METHOD target`` below the repository; the last one repeats."""
        method, target = request.split(" ")
        self._scripts[method, target if target.startswith("/") else f"/v2/{PATH}/{target}"] = list(replies)

    def demand(self, authorization: str, challenge: str) -> None:
        """Answer 401 with ``challenge`` below /v2/ to whoever does not bring ``authorization``."""
        self._demand = (authorization, challenge)

    def treat(self, asked: Handler) -> Reply:
        """Give the scripted answer; who is to be reset is so halfway through what he sends."""
        reply = self._reply_to(asked.head)
        self.asked.append(asked.read(half=reply.reset))
        return reply

    def _reply_to(self, asked: Request) -> Reply:
        if self._demand and asked.target.startswith("/v2/") and asked.authorization != self._demand[0]:
            return Reply(401, headers={"WWW-Authenticate": self._demand[1]})
        replies = self._scripts.get((asked.method, asked.target), [Reply(404, b"not scripted")])
        return replies.pop(0) if len(replies) > 1 else replies[0]


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
    """Return the waits so far, in seconds."""
    return []


@pytest.fixture
def script(waits: list[float]) -> Scripting:
    """Return what to script with."""
    return Scripting(waits)
