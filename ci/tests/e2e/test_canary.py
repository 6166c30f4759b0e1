"""Secrets of every kind arrive in the tests unchanged and are found nowhere afterwards."""

import hashlib
import json
import os
import re
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
from canary import DOTENV_NAMES, KINDS, Search, new_word, secret_values, signing_key
from cli import Call, dagger
from environment import Environment, start_environment
from real_registry import IMAGE_INDEX_TYPE
from tests.servers.git import GIT
from tests.servers.registry import TokenService, asks_for_basic, basic

CARELESS: Final = Path(__file__).parent / "testdata" / "canary"
DOTENV_READER: Final = "python-dotenv==1.2.4"  # the usual reader of .env files
DOTENV_FLAGS: Final = [f"--{name.lower().replace('_', '-')}=env:{name}" for name in DOTENV_NAMES]
SIGNING_FLAGS: Final = ["--signing-key=env:TEST_SIGNING_KEY", "--signing-password=env:TEST_SIGNING_PASSWORD"]
VERBOSE: Final = ("-vvv", "--progress=plain")
# Credentials that cannot be used: HTTP servers limit headers to less than 64 KiB, and a token is a single ASCII word.
REJECTED: Final = {
    "newline": ("TOKEN",),
    "non-ASCII": ("TOKEN",),
    "64 KiB": ("DOCKER_USERNAME", "DOCKER_PASSWORD", "TOKEN"),
}
INVALID_TOKEN: Final = "contains characters that are not printable ASCII"  # noqa: S105 - part of an error message
LAYER_TYPES: Final = ("tar", "tar+gzip")  # endings of the media types that the search can unpack
HIDDEN: Final = (".env", "src/.env", "src/service/.env", ".git/config", ".dvc/config", ".dvc/config.local")
KEYS: Final = (".aws/credentials", "key.pem", "src/service/server.pem", "id_rsa", "src/id_rsa", "id_rsa.pub")
UPLOADED: Final = (
    "Dockerfile",
    "requirements",
    ".dockerignore",
    "src/service/__main__.py",
    "tests/unit/test_service.py",
)


@dataclass(frozen=True)
class Canaries:
    """The secret values of a test and the search for them.

    Attributes:
        kind: The kind of the values.
        word: The word that all of them contain, and the signing key.
        values: A value of this kind for each secret.
        plain: A plain value for each secret, to replace a rejected credential.
        search: The search for both.
    """

    kind: str
    word: str
    values: dict[str, str]
    plain: dict[str, str]
    search: Search

    @classmethod
    def create(cls, kind: str) -> Self:
        """Return new values of a kind."""
        word = new_word()
        values, plain = secret_values(kind, word), secret_values("plain", word)
        return cls(kind, word, values, plain, Search(word, values, plain))

    def variables(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables that the flags of a call read ``values`` and the signing key from."""
        credentials = {"TEST_USERNAME": "DOCKER_USERNAME", "TEST_PASSWORD": "DOCKER_PASSWORD", "TEST_TOKEN": "TOKEN"}
        named = {variable: values[secret] for variable, secret in credentials.items()}
        password = values["SIGNING_PASSWORD"]
        signing = {"TEST_SIGNING_KEY": signing_key(self.word, password), "TEST_SIGNING_PASSWORD": password}
        return named | signing | {name: values[name] for name in DOTENV_NAMES}


@pytest.fixture(params=[kind if kind == "plain" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS])
def canaries(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Iterator[Canaries]:
    """Secret values of each kind; what was searched for them is appended to the file named by CANARY_REPORT."""
    canaries = Canaries.create(request.param)
    yield canaries
    line = json.dumps({"kind": canaries.kind, **canaries.search.report()}, ensure_ascii=False)
    record_property("canary", line)
    sys.stdout.write(f"{line}\n")
    if filename := os.environ.get("CANARY_REPORT"):
        with Path(filename).open("a") as file:
            file.write(f"{line}\n")


def add_careless_test(source: Path, values: Mapping[str, str]) -> None:
    """Add a test that prints its .env and passes only if the .env holds ``values``."""
    shutil.copy(CARELESS / "pytest.ini", source)
    shutil.copy(CARELESS / "test_dotenv.py", source / "tests" / "unit")
    expected = {name: hashlib.sha256(values[name].encode()).hexdigest() for name in DOTENV_NAMES}
    (source / "tests" / "unit" / "expected.json").write_text(json.dumps(expected))
    with (source / "requirements.dev").open("a") as file:
        file.write(f"{DOTENV_READER}\n")


@contextmanager
def stage_with(
    canaries: Canaries, values: Mapping[str, str], registry: str, folder: Path, source: Path
) -> Iterator[tuple[Environment, Call]]:
    """Stage ``source`` with ``values`` in an environment whose servers accept only these credentials.

    For tokens, the registry issues tokens of its own, which contain the word as well.
    """
    authorization = basic(values["DOCKER_USERNAME"], values["DOCKER_PASSWORD"])
    is_token = canaries.kind == "GitHub token"
    issued = TokenService(authorization, canaries.word)
    request_filter = issued.filter if is_token else asks_for_basic(authorization)
    config, given = [*DOTENV_FLAGS, *SIGNING_FLAGS], canaries.variables(values)
    with start_environment(registry, folder, request_filter, token=values["TOKEN"]) as env:
        yield env, env.stage(source, "--format=json", *VERBOSE, config=config, variables=given)
    assert bool(issued.given) is is_token


@pytest.mark.fault(35, 36)
def test_a_secret_arrives_and_is_found_nowhere_else(
    canaries: Canaries, registry: str, source: Path, tmp_path: Path
) -> None:
    """Every secret reaches the unit tests unchanged, and no output, image, commit, request or log contains it."""
    kind, values, search = canaries.kind, canaries.values, canaries.search
    add_careless_test(source, values)
    if kind in REJECTED:
        with stage_with(canaries, values, registry, tmp_path / "rejected", source) as (env, call):
            assert call.status != 0
            assert call.stdout == ""
            assert kind == "64 KiB" or INVALID_TOKEN in call.error
            assert env.tags() == {}
            assert len(env.commits()) == 1
            search_release(search, env, call)
    accepted = values | {name: canaries.plain[name] for name in REJECTED.get(kind, ())}
    with stage_with(canaries, accepted, registry, tmp_path / "released", source) as (env, call):
        env.assert_released(call, "v1.0.1")
        assert "signature" in call.release["evidence"]
        assert "***" in call.stderr
        search_release(search, env, call)
    search_reports(search, source, canaries.variables(accepted), tmp_path / "reports")
    search_engine_logs(search)
    assert search.found == []


def search_release(search: Search, env: Environment, call: Call) -> None:
    """Search what a call printed, what it left in registry and repository, and what it requested from them."""
    search.search("output", call.stdout.encode(), "stdout")
    search.search("output", call.stderr.encode(), "stderr")
    search_registry(search, env)
    repository = env.repository
    objects = ["git", "-C", str(repository.bare), "cat-file", "--batch-all-objects", "--batch"]
    search.search("infrastructure objects", subprocess.run(objects, env=GIT, check=True, capture_output=True).stdout)
    search.search("infrastructure refs", repository.git("for-each-ref", "--format=%(refname) %(contents)").encode())
    search.search_folder("infrastructure folder", repository.bare)
    for request in [*env.registry_proxy.requests, *env.git_proxy.requests]:
        headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        # A token is requested for an account: https://distribution.github.io/distribution/spec/auth/token/
        line = re.sub(r"([?&]account=)[^&\s]*", r"\1", request.line)
        search.search("requests without their credentials", f"{line} {headers}".encode())


def search_registry(search: Search, env: Environment) -> None:
    """Search everything that the registry holds of the image."""
    base = f"http://{env.registry_address}/v2/{env.image}"
    search.search("registry listing", httpx.get(f"{base}/tags/list", timeout=60).content)
    for tag, digest in env.tags().items():
        manifest = env.image_manifest(tag)
        search.search("image manifest", manifest.content)
        parts = manifest.json()
        search.search("image config and history", fetch_blob(base, parts["config"]["digest"]))
        for layer in parts["layers"]:
            assert layer["mediaType"].endswith(LAYER_TYPES)
            search.search("image layers", fetch_blob(base, layer["digest"]), layer["digest"])
        search_evidence(search, env, base, digest)


def search_evidence(search: Search, env: Environment, base: str, digest: str) -> None:
    """Search the evidence of an image: the list of its referrers, their manifests, and what they name."""
    address, accept = f"{base}/manifests/{digest.replace(':', '-')}", {"Accept": IMAGE_INDEX_TYPE}
    referrers = httpx.get(address, headers=accept, timeout=60).raise_for_status()
    search.search("registry referrers", referrers.content)
    for referrer in referrers.json()["manifests"]:
        manifest = env.image_manifest(referrer["digest"])
        search.search("evidence", manifest.content, referrer["digest"])
        for part in [manifest.json()["config"], *manifest.json()["layers"]]:
            search.search("evidence", fetch_blob(base, part["digest"]), part["digest"])


def fetch_blob(base: str, digest: str) -> bytes:
    """Return a blob of the registry."""
    content = httpx.get(f"{base}/blobs/{digest}", timeout=60, follow_redirects=True).raise_for_status().content
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    return content


def search_reports(search: Search, source: Path, variables: Mapping[str, str], folder: Path) -> None:
    """Export the reports of the source and search them; they contain what the unit tests printed."""
    config = [*DOTENV_FLAGS, *SIGNING_FLAGS, "--trivy-db=rehearsal"]
    export = ("export", f"--path={folder}", *VERBOSE)
    call = dagger("reports", f"--source={source}", *export, config=config, variables=variables)
    assert call.status == 0, call.stderr
    junit = (folder / "junit.xml").read_text()
    assert 'name="test_dotenv_values_arrive"' in junit
    assert all(f"{name} arrived\n***" in junit for name in DOTENV_NAMES)
    search.search("output", call.stdout.encode() + call.stderr.encode(), "of the reports")
    search.search_folder("reports", folder)


def search_engine_logs(search: Search) -> None:
    """Search the logs of the engine if it is the one of ci/engine."""
    state, socket, _ = os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "").partition("/run/engine.sock")
    if socket:
        search.search_folder("engine logs", Path(state.removeprefix("unix://")) / "log")


@pytest.mark.fault(34)
def test_hidden_files_and_keys_are_not_uploaded(source: Path) -> None:
    """The source that the module receives has the ordinary files but no hidden file and no key."""
    canaries = Canaries.create("plain")
    for name in (*HIDDEN, *KEYS):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(canaries.values["TOKEN"])
    call = dagger("format", f"--source={source}", "before", "glob", "--pattern=**", *VERBOSE)
    assert call.status == 0, call.stderr
    listed = {line.rstrip("/") for line in call.stdout.splitlines()}
    assert set(UPLOADED) - listed == set()
    assert listed & {*HIDDEN, *KEYS} == set()
    canaries.search.search("output", call.stdout.encode() + call.stderr.encode())
    search_engine_logs(canaries.search)
    assert canaries.search.found == []
