"""Measures what grows with tags, claims, manifests and concurrent runs, and writes bench/scale.json.

    make bench-scale        # about three minutes

The module's own adapters speak to a real registry and a real git server of this machine, so no engine is needed, only
the registry's program that ci/engine builds. Each figure is the median of several exchanges.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.servers.fault_proxy import Exchange
from tests.servers.git import GitRepository, git, git_proxy, publish, stage_all
from tests.servers.loopback import Reply

from bench.editing import cpu_seconds
from bench.listing import registry
from bench.manifest import DOCUMENT, edit
from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.adapters.registry import Registry
from stage_ci.rules.claim import Claims, InputDigest, claim_prefix, claim_ref, claim_text
from stage_ci.rules.reference import Repository
from stage_ci.rules.version import VersionLine, next_version
from stage_ci.steps.retry import retry_on_conflict

RESULT: Final = Path(__file__).with_suffix(".json")
STATE: Final = Path(os.environ.get("STAGE_ENGINE_STATE", "/var/lib/stage-engine"))
TAGS: Final = (100, 1_000, 10_000)
CLAIMS: Final = (1_000, 10_000, 100_000)
SERVICES: Final = 100
DOCUMENTS: Final = (1, 10, 100, 1_000)
RACING: Final = (1, 5, 20, 40)
LINE: Final = VersionLine.parse("v1.0")
TOKEN: Final = "benchmark"  # noqa: S105 - of a server on the loopback interface
MANIFEST: Final = "manifests/service-050.yaml"


@dataclass
class Traffic:
    """The bytes that a server has sent since the last reset."""

    sent: int = 0

    def count(self, exchange: Exchange) -> Reply:
        """Forward a request, and count the reply."""
        reply = exchange.forward()
        self.sent += len(reply.body)
        return reply


def repository(service: int) -> Repository:
    """Return the image of a service."""
    return Repository.parse(f"docker.io/team/service-{service:03}")


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    """Return how many seconds ``work`` takes."""
    began = time.monotonic()
    await work()
    return time.monotonic() - began


async def measure(work: Callable[[], Awaitable[object]], rounds: int) -> float:
    """Return the median of the seconds that ``work`` takes."""
    return round(statistics.median([await seconds(work) for _ in range(rounds)]), 3)


async def tags(folder: Path, rounds: int) -> list[dict[str, Any]]:
    """Return the seconds of a listing for each number of tags."""
    found = []
    with registry(str(STATE / "libexec" / "registry"), folder) as address:
        for number in TAGS:
            path = f"team/service-{number}"
            links = folder / "docker" / "registry" / "v2" / "repositories" / path / "_manifests" / "tags"
            for tag in range(number):
                link = links / f"v1.0.{tag}" / "current" / "link"
                link.parent.mkdir(parents=True)
                link.write_text(f"sha256:{tag:064}")
            async with Registry(f"http://{address}", path) as client:
                assert len(await client.tags()) == number  # noqa: S101 - the measurement would be of nothing
                found.append({"tags": number, "list_seconds": await measure(client.tags, rounds)})
    return found


def create_repository(root: Path, claims: int) -> GitRepository:
    """Create an infrastructure repository with a manifest for each service, and ``claims`` claims of all of them."""
    work = root / "work"
    (work / "manifests").mkdir(parents=True)
    for service in range(SERVICES):
        (work / "manifests" / f"service-{service:03}.yaml").write_text(DOCUMENT)
    stage_all(work)
    publish(work)
    created = GitRepository(root, "")
    refs = [claim_ref(repository(number % SERVICES), LINE.version(number // SERVICES)) for number in range(claims)]
    add_packed_refs(created.bare, dict(zip(refs, import_commits(created.bare, claims), strict=True)))
    return created


def import_commits(bare: Path, number: int) -> list[str]:
    """Create commits without a parent, as claims have them, and return their IDs."""
    commits = (
        f"reset refs/import\ncommit refs/import\nmark :{mark}\ncommitter a <a@b> {mark} +0000\ndata 0\n\n"
        for mark in range(1, number + 1)
    )
    marks = bare / "marks"
    command = ["git", "-C", str(bare), "fast-import", "--quiet", "--force", f"--export-marks={marks}"]
    subprocess.run(command, input="".join(commits).encode(), check=True)
    git(bare, "update-ref", "-d", "refs/import")
    ids = dict(line.split() for line in marks.read_text().splitlines())
    return [ids[f":{mark}"] for mark in range(1, number + 1)]


def add_packed_refs(bare: Path, refs: dict[str, str]) -> None:
    """Add refs as a hosting service keeps them: in one sorted file (gitrepository-layout(5), packed-refs)."""
    git(bare, "pack-refs", "--all")
    packed = bare / "packed-refs"
    head, *lines = packed.read_text().splitlines()
    lines += [f"{commit} {ref}" for ref, commit in refs.items()]
    packed.write_text("\n".join([head, *sorted(lines, key=lambda line: line.split()[1]), ""]))


async def claims(folder: Path, rounds: int) -> list[dict[str, Any]]:
    """Return seconds and bytes of each exchange with the git server, for each number of claims."""
    found = []
    for number in CLAIMS:
        root = folder / f"claims-{number}"
        repo = create_repository(root, number)
        traffic = Traffic()
        with git_proxy(folder, TOKEN) as proxy:
            proxy.script("", traffic.count)
            infrastructure = Infrastructure(proxy.url(repo), TOKEN)
            row: dict[str, Any] = {"claims": number, "services": SERVICES}
            for name, work in exchanges(infrastructure).items():
                await work()  # the first exchange fills the server's caches
                traffic.sent = 0
                row[f"{name}_seconds"] = await measure(work, rounds)
                row[f"{name}_bytes"] = traffic.sent // rounds
            found.append(row)
    return found


def exchanges(infrastructure: Infrastructure) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return the exchanges of a stage: list the claims, fetch the manifest, claim a version, commit the manifest."""
    versions = iter(range(50_000, 60_000))

    async def claim() -> None:
        text = claim_text(repository(50), inputs(next(versions)))
        await infrastructure.create(claim_ref(repository(50), LINE.version(next(versions))), text)

    async def commit() -> None:
        snapshot = await infrastructure.snapshot("main", MANIFEST)
        await infrastructure.commit(snapshot, "main", MANIFEST, str(next(versions)).encode(), "move")

    return {
        "list": lambda: infrastructure.refs(claim_prefix(repository(50))),
        "fetch": lambda: infrastructure.snapshot("main", MANIFEST),
        "claim": claim,
        "fetch_and_commit": commit,
    }


def inputs(number: int) -> InputDigest:
    """Return the digest of some inputs."""
    return InputDigest.of(f"file {number}", {})


async def races(folder: Path) -> list[dict[str, Any]]:
    """Return the seconds in which all of several runs at once have claimed a version and committed a manifest."""
    found = []
    for number in RACING:
        repo = create_repository(folder / f"races-{number}", 1_000)
        with git_proxy(folder, TOKEN) as proxy:
            infrastructure = Infrastructure(proxy.url(repo), TOKEN)
            times = await asyncio.gather(
                *(seconds(partial(claim_and_commit, infrastructure, place)) for place in range(number))
            )
            pushes = sum(line.startswith("POST") and line.endswith("/git-receive-pack") for line in proxy.lines)
        claimed = repo.git("for-each-ref", f"{claim_prefix(repository(50))}*").splitlines()
        assert len(claimed) == 1_000 // SERVICES + number  # noqa: S101 - no claim was lost
        row = {"runs": number, "pushes": pushes, "first_seconds": min(times), "last_seconds": max(times)}
        found.append({name: round(value, 2) for name, value in row.items()})
    return found


async def claim_and_commit(infrastructure: Infrastructure, place: int) -> None:
    """Claim a version and commit a manifest as a stage does, in competition with other runs."""
    await retry_on_conflict(RefConflict)(claim_next, infrastructure, place)
    await retry_on_conflict(RefConflict)(commit_next, infrastructure, place)


async def claim_next(infrastructure: Infrastructure, place: int) -> None:
    """Claim the next version of one service."""
    claims = Claims.read(await infrastructure.refs(claim_prefix(repository(50))), repository(50), LINE)
    version = next_version(LINE, [], claims.by_version)
    await infrastructure.create(claim_ref(repository(50), version), claim_text(repository(50), inputs(place)))


async def commit_next(infrastructure: Infrastructure, place: int) -> None:
    """Commit a manifest of another service for each place."""
    filename = f"manifests/service-{place:03}.yaml"
    snapshot = await infrastructure.snapshot("main", filename)
    await infrastructure.commit(snapshot, "main", filename, b"moved", "move")


def manifests(rounds: int) -> list[dict[str, Any]]:
    """Return the processor time of an edit for each number of documents, all of which have a reference to edit."""
    found = []
    for number in DOCUMENTS:
        text = "---\n".join([DOCUMENT] * number)
        median = statistics.median(cpu_seconds(partial(edit, text)) for _ in range(rounds))
        found.append({"documents": number, "bytes": len(text), "edit_seconds": round(median, 3)})
    return found


async def measure_all(rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return all measurements."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return {
            "tags": await tags(root / "registry", rounds),
            "claims": await claims(root / "git", rounds),
            "races": await races(root / "git"),
            "manifests": manifests(rounds),
        }


def main() -> int:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(prog="bench-scale", description="measure what grows with a team")
    parser.add_argument("--rounds", type=int, default=5, help="number of exchanges for each figure (default: 5)")
    found = asyncio.run(measure_all(parser.parse_args().rounds))
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(RESULT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
