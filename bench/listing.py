"""F7, first half: listing the tags of a repository with the module's client, compared with `crane ls`."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio
import httpx
from real_registry import push_tags

from bench.processes import ROOT, run, seconds
from bench.rows import MeasurementError, Row, ratios
from bench.session import Session, native_state
from stage_ci.adapters.registry import Registry

ROUNDS: Final = 5
TAGS: Final = 10_000
_LIMIT: Final = 60  # seconds for one listing, and for the start of the registry
_CONFIGURATION: Final = ROOT / "ci/engine/images/registry.yml"


def measure(session: Session) -> list[Row]:
    """Return the rows about the listing of tags."""
    crane = _program("crane")
    with registry(_program("registry"), session.folder / "registry") as address:
        for repository, tags in (("half", TAGS // 2), ("whole", TAGS)):
            push_tags(address, repository, *(f"v1.0.{number}" for number in range(1, tags + 1)))
        list_tags(address, "whole", TAGS)  # loads what the first request needs
        whole, half, others = [], [], []
        for _ in range(ROUNDS):
            whole.append(seconds(lambda: list_tags(address, "whole", TAGS)))
            half.append(seconds(lambda: list_tags(address, "half", TAGS // 2)))
            others.append(seconds(lambda: _crane(crane, address)))
    return rows(whole, half, others)


def rows(whole: list[float], half: list[float], others: list[float]) -> list[Row]:
    """Return the rows from the seconds of listings of all tags, of half of them, and of all with crane."""
    name = f"listing {TAGS:,} tags"
    reference = "`crane ls` on the same local registry, with the start of its process; the module's client runs already"
    linear = f"listing {TAGS // 2:,} tags on the same registry; 2.3 leaves 0.3 for chance"
    return [
        Row.ratio("F7-tags", f"{name} / crane ls", ratios(whole, others), reference=reference, goal=2),
        Row.ratio("F7-tags-linear", f"{name} / half of them", ratios(whole, half), reference=linear, goal=2.3),
        Row.seconds("F7-tags-seconds", name, whole, reference=f"crane ls: {min(others):.2f} to {max(others):.2f} s"),
    ]


def list_tags(address: str, repository: str, expected: int) -> None:
    """List the tags of a repository with the module's client.

    Raises:
        MeasurementError: if it finds another number of tags.
    """

    async def tags() -> list[str]:
        async with Registry(f"http://{address}", repository) as client:
            return await client.tags()

    found = len(anyio.run(tags))
    if found != expected:
        raise MeasurementError(f"the module's client lists {found} tags of {expected}")


@contextmanager
def registry(program: str, folder: Path) -> Iterator[str]:
    """Serve a registry, with ``program``, that stores its files in ``folder``; yield its host and port.

    Raises:
        MeasurementError: if it does not answer.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = {
        "REGISTRY_HTTP_ADDR": address,
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(folder),
        "OTEL_TRACES_EXPORTER": "none",
    }
    command = [program, "serve", str(_CONFIGURATION)]
    with subprocess.Popen(
        command, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(address, process)
            yield address
        finally:
            process.terminate()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://{address}/v2/", timeout=1)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise MeasurementError(f"the local registry on {address} did not answer within {_LIMIT} s")


def _crane(crane: str, address: str) -> None:
    found = len(run([crane, "ls", "--insecure", f"{address}/whole"], limit=_LIMIT).split())
    if found != TAGS:
        raise MeasurementError(f"crane lists {found} tags of {TAGS}")


def _program(name: str) -> str:
    state = native_state()
    path = shutil.which(name, path=f"{state / 'libexec'}" if state else None)
    if path is None:
        raise MeasurementError(f"there is no {name}: ci/engine builds it, or install it and add it to the PATH")
    return path
