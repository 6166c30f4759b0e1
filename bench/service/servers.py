"""Starts a server as the image does, on one core and on the loopback interface, and ends it."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bench.service.errors import ServerFailed

HOST: Final = "127.0.0.1"

LIMIT: Final = 60
"""Seconds for a server to become ready."""

PAUSE: Final = 0.005
"""Seconds between two looks at a starting server: what its time is exact to."""

CMD: Final = re.compile(r"^CMD\s+(\[.*\])", re.MULTILINE)
"""https://docs.docker.com/reference/dockerfile/#cmd, exec form in one line."""

FACTORY: Final = re.compile(r"callcenterai_svm[\w.]*:\w+")
"""What uvicorn calls to make this service, as one word of that command."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a server is started from.

    Attributes:
        command: Program and arguments.
        environment: All of its environment.
        folder: Where it runs and leaves its log: empty, so that no `.env` is found.
        core: Number of the one core it may use.
    """

    command: list[str]
    environment: dict[str, str]
    folder: Path
    core: int


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started; ``began`` is the monotonic clock before that."""

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path
    began: float

    def seconds_until_answered(self, client: httpx.Client, path: str) -> float:
        """Wait for the first 200 on a path; return how long after the start it came.

        Raises:
            ServerFailed: if the server ends before, or it takes too long.
        """
        while self.process.poll() is None and time.monotonic() - self.began < LIMIT:
            if _answers(client, self.url + path):
                return time.monotonic() - self.began
            time.sleep(PAUSE)
        last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
        raise ServerFailed(f"no 200 on {path} within {LIMIT} s: {''.join(last) or 'the server said nothing'}")


@contextmanager
def running(setting: Setting) -> Iterator[Server]:
    """Start a server on a free port; end it, by its process, when the block ends."""
    port = _free_port()
    log = setting.folder / f"{port}.log"
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            # Given twice, the last host and port count.
            ["taskset", "--cpu-list", str(setting.core), *setting.command, f"--host={HOST}", f"--port={port}"],
            cwd=setting.folder,
            env=setting.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Server(process, f"http://{HOST}:{port}", log, began)
    finally:
        _end(process)


def image_command(dockerfile: str) -> list[str]:
    """Return the command of a Dockerfile.

    Raises:
        ServerFailed: if there is none in exec form that starts this service.
    """
    found = CMD.findall(dockerfile)
    words: list[str] = json.loads(found[-1]) if found else []
    if not any(map(FACTORY.fullmatch, words)):
        raise ServerFailed("the Dockerfile has no CMD in exec form that starts this service")
    return words


def command_for(factory: str, command: list[str]) -> list[str]:
    """Return that command with another application in it."""
    return [factory if FACTORY.fullmatch(word) else word for word in command]


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port
