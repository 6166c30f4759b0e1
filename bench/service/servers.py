"""Starts and stops servers as the image does, on one core and on the loopback interface."""

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
"""The seconds in which a server must become ready."""

PAUSE: Final = 0.005
"""Seconds between two requests to a starting server: the precision of its start time."""

CMD: Final = re.compile(r"^CMD\s+(\[.*\])", re.MULTILINE)
"""https://docs.docker.com/reference/dockerfile/#cmd, in exec form on one line."""

FACTORY: Final = re.compile(r"callcenterai_svm[\w.]*:\w+")
"""The application factory of this service, which is one word of uvicorn's command line."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a server is started.

    Attributes:
        command: The program and its arguments.
        environment: Its whole environment.
        folder: Its working directory, which gets its log and contains no `.env`.
        core: The number of its core.
    """

    command: list[str]
    environment: dict[str, str]
    folder: Path
    core: int


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``began`` is the monotonic time before its start."""

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path
    began: float

    def seconds_until_answered(self, client: httpx.Client, path: str) -> float:
        """Wait for the first 200 on a path; return the seconds since the start.

        Raises:
            ServerFailed: if the server exits before, or does not answer in time.
        """
        while self.process.poll() is None and time.monotonic() - self.began < LIMIT:
            if _answers(client, self.url + path):
                return time.monotonic() - self.began
            time.sleep(PAUSE)
        last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
        raise ServerFailed(f"no 200 on {path} within {LIMIT} s: {''.join(last) or 'the log is empty'}")


@contextmanager
def running(setting: Setting) -> Iterator[Server]:
    """Start a server on a free port, and stop it at the end of the block."""
    port = _free_port()
    log = setting.folder / f"{port}.log"
    with log.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            # If the command has a host and a port already, uvicorn uses the last ones.
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
    """Return the command in a Dockerfile's CMD.

    Raises:
        ServerFailed: if there is no CMD in exec form that starts this service.
    """
    found = CMD.findall(dockerfile)
    words: list[str] = json.loads(found[-1]) if found else []
    if not any(map(FACTORY.fullmatch, words)):
        raise ServerFailed("the Dockerfile has no CMD in exec form that starts this service")
    return words


def command_for(factory: str, command: list[str]) -> list[str]:
    """Return ``command`` with another application factory."""
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
