"""Secrets of every kind reach the tests byte for byte, and are found nowhere afterwards."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx
import pytest
from canary import ENVIRONMENT, KINDS, Search, new_word, values
from tests.servers.git import GIT
from tests.servers.registry import asks_for_basic, basic
from user import Call, Rehearsal, dagger
from world import World, world

ARRIVES: Final = Path(__file__).parent / "testdata" / "canary"
READER: Final = "python-dotenv==1.2.4"  # what services read their .env with
GIVEN: Final = [f"--{name.lower().replace('_', '-')}=env:{name}" for name in ENVIRONMENT]
LOUD: Final = ("-vvv", "--progress=plain")
# What servers, or the module itself, do not take as a credential: headers hold 64 KiB at most, and a token is one word.
REFUSED: Final = {
    "newline": ("TOKEN",),
    "non-ASCII": ("TOKEN",),
    "64 KiB": ("DOCKER_USERNAME", "DOCKER_PASSWORD", "TOKEN"),
}
NO_TOKEN: Final = "contains characters that are not printable ASCII"  # noqa: S105 - words of an error
LAYERS: Final = ("tar", "tar+gzip")  # media types whose layers the search can open
# What never leaves the caller's machine, and what does.
HIDDEN: Final = (".env", "src/.env", "src/service/.env", ".git/config", ".dvc/config", ".dvc/config.local")
HIDDEN_KEYS: Final = (".aws/credentials", "key.pem", "src/service/server.pem", "id_rsa", "src/id_rsa", "id_rsa.pub")
ORDINARY: Final = (
    "Dockerfile",
    "requirements",
    ".dockerignore",
    "src/service/__main__.py",
    "tests/unit/test_service.py",
)


@dataclass(frozen=True)
class Canaries:
    """The values of a test, by the names of their secrets, and the search for them.

    Attributes:
        kind: What they are like.
        given: The values of this kind.
        ordinary: Plain ones, where a server takes no such credential.
        search: Looks for all of them.
    """

    kind: str
    given: dict[str, str]
    ordinary: dict[str, str]
    search: Search

    @classmethod
    def of(cls, kind: str) -> Self:
        """Return values that no other test has."""
        word = new_word()
        given, ordinary = values(kind, word), values("plain", word)
        return cls(kind, given, ordinary, Search(word, given, ordinary))


@pytest.fixture(
    params=[kind if kind in {"plain", "newline"} else pytest.param(kind, marks=pytest.mark.long) for kind in KINDS]
)
def canaries(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[Canaries]:
    """Values of each kind; where they were looked for is told in the end, also in the file of CANARY_REPORT."""
    own = Canaries.of(request.param)
    yield own
    line = json.dumps({"kind": own.kind, **own.search.report()}, ensure_ascii=False)
    record_property("canary", line)
    sys.stdout.write(f"{line}\n")
    if filename := os.environ.get("CANARY_REPORT"):
        with Path(filename).open("a") as file:
            file.write(f"{line}\n")


def careless(service: Path, given: Mapping[str, str]) -> None:
    """Give a service a test that prints its .env, and that passes if the values are those of ``given``."""
    shutil.copy(ARRIVES / "pytest.ini", service)
    shutil.copy(ARRIVES / "test_arrives.py", service / "tests" / "unit")
    expected = {name: hashlib.sha256(given[name].encode()).hexdigest() for name in ENVIRONMENT}
    (service / "tests" / "unit" / "expected.json").write_text(json.dumps(expected))
    with (service / "requirements.dev").open("a") as file:
        file.write(f"{READER}\n")


def variables(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a call that hold the values of ``given``."""
    credentials = {"USER_OF_TEST": "DOCKER_USERNAME", "WORD_OF_TEST": "DOCKER_PASSWORD", "TOKEN_OF_TEST": "TOKEN"}
    return {name: given[name] for name in ENVIRONMENT} | {name: given[held] for name, held in credentials.items()}


@contextmanager
def staged(registry: str, folder: Path, service: Path, given: Mapping[str, str]) -> Iterator[tuple[World, Call]]:
    """Stage ``service`` with the values of ``given``, in a world whose servers ask for its credentials."""
    request_filter = asks_for_basic(basic(given["DOCKER_USERNAME"], given["DOCKER_PASSWORD"]))
    with world(registry, folder, request_filter, token=given["TOKEN"]) as own:
        yield own, own.stage(service, *GIVEN, "--format=json", *LOUD, environment=variables(given))


@pytest.mark.fault(35, 36)
def test_a_secret_arrives_and_is_found_nowhere_else(
    canaries: Canaries, registry: str, rehearsal: Rehearsal, service: Path, tmp_path: Path
) -> None:
    """All seven are of one kind; where a server takes no such credential, the run fails without repeating it."""
    kind, given, search = canaries.kind, canaries.given, canaries.search
    careless(service, given)
    if kind in REFUSED:
        with staged(registry, tmp_path / "refused", service, given) as (own, call):
            assert call.status != 0
            assert call.stdout == ""
            assert kind == "64 KiB" or NO_TOKEN in call.error
            assert own.tags() == {}
            assert len(own.commits()) == 1
            look_outside(search, own, call)
    taken = given | {name: canaries.ordinary[name] for name in REFUSED.get(kind, ())}
    with staged(registry, tmp_path / "released", service, taken) as (own, call):
        own.require(call, "v1.0.1")
        assert "***" in call.stderr
        look_outside(search, own, call)
    look_into_reports(search, rehearsal, service, taken, tmp_path / "reports")
    look_into_logs(search)
    assert search.found == []


def look_outside(search: Search, own: World, call: Call) -> None:
    """Look at what a call printed, and at everything that it left on the servers or asked them for."""
    search.look("output", call.stdout.encode(), "stdout")
    search.look("output", call.stderr.encode(), "stderr")
    look_into_registry(search, own)
    repository = own.repository
    objects = ["git", "-C", str(repository.bare), "cat-file", "--batch-all-objects", "--batch"]
    search.look("infrastructure objects", subprocess.run(objects, env=GIT, check=True, capture_output=True).stdout)
    search.look("infrastructure refs", repository.git("for-each-ref", "--format=%(refname) %(contents)").encode())
    search.look_into("infrastructure folder", repository.bare)
    for request in [*own.registry.requests, *own.git.requests]:
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        search.look("requests without their credentials", f"{request.line} {headers}".encode())


def look_into_registry(search: Search, own: World) -> None:
    """Look at everything that the registry itself holds of an image."""
    base = f"http://{own.behind}/v2/{own.image}"
    search.look("registry listing", httpx.get(f"{base}/tags/list", timeout=60).content)
    for tag, digest in own.tags().items():
        manifest = own.manifest(tag)
        search.look("image manifest", manifest.content)
        search.look("registry referrers", httpx.get(f"{base}/referrers/{digest}", timeout=60).content)
        parts = manifest.json()
        search.look("image config and history", blob(base, parts["config"]["digest"]))
        for layer in parts["layers"]:
            assert layer["mediaType"].endswith(LAYERS)
            search.look("image layers", blob(base, layer["digest"]), layer["digest"])


def blob(base: str, digest: str) -> bytes:
    """Return what the registry holds under a digest."""
    content = httpx.get(f"{base}/blobs/{digest}", timeout=60, follow_redirects=True).raise_for_status().content
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    return content


def look_into_reports(
    search: Search, rehearsal: Rehearsal, service: Path, given: Mapping[str, str], folder: Path
) -> None:
    """Look at the reports of the same source and secrets, which hold what the tests printed."""
    database = ("--trivy-db=rehearsal", f"--rehearsal={rehearsal.name}")
    wanted = ("export", f"--path={folder}", *LOUD)
    call = dagger("reports", f"--source={service}", *database, *GIVEN, *wanted, environment=variables(given))
    assert call.status == 0, call.stderr
    junit = (folder / "junit.xml").read_text()
    assert 'name="test_what_was_given_arrives"' in junit
    assert all(f"{name} arrived\n***" in junit for name in ENVIRONMENT)
    search.look("output", call.stdout.encode() + call.stderr.encode(), "of the reports")
    search.look_into("reports", folder)


def look_into_logs(search: Search) -> None:
    """Look at what this project's own engine has logged, if that is the one in use."""
    state, socket, _ = os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "").partition("/run/engine.sock")
    if socket:
        search.look_into("engine logs", Path(state.removeprefix("unix://")) / "log")


@pytest.mark.fault(34)
def test_hidden_files_and_keys_are_not_uploaded(service: Path) -> None:
    """The source as the module received it lists the ordinary files, and none of these."""
    own = Canaries.of("plain")
    for name in (*HIDDEN, *HIDDEN_KEYS):
        path = service / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(own.given["TOKEN"])
    call = dagger("format", f"--source={service}", "before", "glob", "--pattern=**", *LOUD)
    assert call.status == 0, call.stderr
    listed = {line.rstrip("/") for line in call.stdout.splitlines()}
    assert set(ORDINARY) - listed == set()
    assert listed & {*HIDDEN, *HIDDEN_KEYS} == set()
    own.search.look("output", call.stdout.encode() + call.stderr.encode())
    look_into_logs(own.search)
    assert own.search.found == []
