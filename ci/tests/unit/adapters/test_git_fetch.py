"""What is fetched from git servers with and without partial clones, of protocol versions 0 and 2."""

from __future__ import annotations

import os
import tracemalloc
from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.git import BARE, GitRepository, git, publish
from tests.servers.loopback import Reply

from stage_ci.adapters.git_fetch import LARGE_FILE
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied, InvalidManifest, ManifestMissing, UnsupportedRepository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.fault_proxy import Action, Exchange
    from tests.servers.git import GitProxy

MANIFEST: Final = "manifests/default/svm.yaml"
CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"
MEBIBYTE: Final = 1024 * 1024
FILES: Final = 36
# The request for objects, after those that list the refs.
FETCH: Final = r"POST \S+/git-upload-pack$"


def in_version_0(exchange: Exchange) -> Reply:
    """Forward the request without its protocol version, as a server that knows version 0 only takes it."""
    headers = {name: value for name, value in exchange.request.headers.items() if name != "git-protocol"}
    return exchange.upstream(exchange.request._replace(headers=headers))


def without(capability: bytes, *, version: int = 2) -> Action:
    """Forward the request, and misspell a capability in the reply, so that the client does not find it."""

    def action(exchange: Exchange) -> Reply:
        reply = exchange.forward() if version else in_version_0(exchange)
        return reply._replace(body=reply.body.replace(capability, capability[:-1] + b"_"))

    return action


def rejects(words: bytes, reason: bytes) -> Action:
    """Reply with an error line to each request for objects whose body has ``words``."""

    def action(exchange: Exchange) -> Reply:
        if words not in exchange.request.body:
            return exchange.forward()
        line = b"ERR " + reason
        return Reply(200, b"%04x" % (len(line) + 4) + line, {"Content-Type": "application/x-git-upload-pack-result"})

    return action


def received(http_git: GitProxy) -> list[int]:
    """Return a list to which the length of each reply from now on is added."""
    lengths: list[int] = []

    def record(exchange: Exchange) -> Reply:
        reply = exchange.forward()
        lengths.append(len(reply.body))
        return reply

    http_git.script("", record)
    return lengths


@pytest.fixture
def large(repository: GitRepository) -> GitRepository:
    """Return a repository whose server supports partial clones, with 36 MiB of files that cannot be compressed."""
    repository.git("config", "uploadpack.allowFilter", "true")
    for folder in (repository.work, repository.bare):  # git need not look for what these files have in common
        git(folder, "config", "core.compression", "0")
        git(folder, "config", "pack.window", "0")
    (repository.work / "charts").mkdir()
    for number in range(FILES):
        (repository.work / f"charts/{number}.tgz").write_bytes(os.urandom(MEBIBYTE))
    repository.push({})
    return repository


@pytest.fixture
def sha256(git_root: Path, tmp_path: Path, git_daemon: str) -> GitRepository:
    """Return a repository with SHA-256 object names on the git daemon."""
    work = git_root / tmp_path.name / "work"
    (work / MANIFEST).parent.mkdir(parents=True)
    (work / MANIFEST).write_text("image: owner/service:v1.0.1\n")
    git(work, "init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    git(work, "add", "--all")
    publish(work)
    return GitRepository(work.parent, git_daemon)


async def test_only_the_manifest_is_fetched(large: GitRepository, http_git: GitProxy, token: str) -> None:
    """A server that supports partial clones sends the manifest and no other file, in one request more."""
    lengths = received(http_git)
    snapshot = await Infrastructure(http_git.url(large), token).snapshot("main", MANIFEST)
    assert snapshot.read(MANIFEST) == b"image: owner/service:v1.0.1\n"
    assert sum(lengths) < 20_000
    assert len(lengths) == 4


async def test_only_the_manifest_is_fetched_from_a_daemon(large: GitRepository) -> None:
    """Of a git daemon with partial clones as well, a snapshot holds the objects that lead to the manifest alone."""
    snapshot = await Infrastructure(large.url).snapshot("main", MANIFEST)
    assert sum(len(item.as_raw_string()) for item in snapshot.store.values()) < 20_000


async def test_a_commit_keeps_the_files_that_were_not_fetched(
    large: GitRepository, http_git: GitProxy, token: str
) -> None:
    """A commit changes its one file and keeps every other one, although their content was not fetched."""
    infrastructure = Infrastructure(http_git.url(large), token)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    assert large.git("diff", "--name-only", "main^", "main") == f"{MANIFEST}\n"
    assert "missing" not in large.git("fsck", "--full", "--strict", "--no-dangling")


async def test_without_partial_clones_all_files_pass_by(large: GitRepository) -> None:
    """A server without partial clones sends every file; they are on disk, and not all in memory."""
    large.git("config", "uploadpack.allowFilter", "false")
    infrastructure = Infrastructure(large.url)
    tracemalloc.start()
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert snapshot.read(MANIFEST) == b"image: owner/service:v1.0.1\n"
    assert sum(len(item.as_raw_string()) for item in snapshot.store.values()) < 20_000
    assert peak < FILES * MEBIBYTE * 3 // 4


@pytest.mark.parametrize("version", [0, 2])
async def test_a_small_repository_needs_no_partial_clones(
    repository: GitRepository, http_git: GitProxy, token: str, version: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Without partial clones, a snapshot and a commit work in both versions of the protocol, and nothing is logged."""
    if version == 0:
        http_git.script("", in_version_0)
    infrastructure = Infrastructure(http_git.url(repository), token)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    assert (snapshot.read(MANIFEST), caplog.messages) == (b"image: owner/service:v1.0.1\n", [])
    commit = await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    assert repository.git("rev-parse", "main").strip() == commit
    assert await infrastructure.read("refs/heads/main") == "two"


async def test_a_filter_that_the_server_does_not_allow(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """A server that supports partial clones in general, but not without files, sends all of them instead."""
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("config", "uploadpackfilter.allow", "false")
    snapshot = await Infrastructure(http_git.url(repository), token).snapshot("main", MANIFEST)
    assert snapshot.read(MANIFEST) == b"image: owner/service:v1.0.1\n"


async def test_a_file_that_the_server_does_not_send_alone(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """A server that sends no file without a commit sends all of them instead."""
    repository.git("config", "uploadpack.allowFilter", "true")
    blob = repository.git("rev-parse", f"main:{MANIFEST}").strip().encode()
    http_git.script(FETCH, rejects(blob, b"upload-pack: not our ref " + blob))
    snapshot = await Infrastructure(http_git.url(repository), token).snapshot("main", MANIFEST)
    assert snapshot.read(MANIFEST) == b"image: owner/service:v1.0.1\n"


async def test_a_manifest_that_is_too_large_is_not_fetched(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """A manifest of more than two megabytes is rejected before all of it has been received."""
    repository.git("config", "uploadpack.allowFilter", "true")
    git(repository.work, "config", "core.compression", "0")
    (repository.work / "large.yaml").write_bytes(os.urandom(LARGE_FILE + MEBIBYTE))
    repository.push({})
    with pytest.raises(InvalidManifest, match=f"large.yaml has more than {LARGE_FILE} bytes"):
        await Infrastructure(http_git.url(repository), token).snapshot("main", "large.yaml")


@pytest.mark.parametrize("filename", ["manifests", "README.md/below", "absent.yaml", "link.yaml"])
async def test_what_is_no_file_is_not_fetched(
    repository: GitRepository, http_git: GitProxy, token: str, filename: str
) -> None:
    """From a server that supports partial clones as well, a folder, a link and a missing file cannot be read."""
    repository.git("config", "uploadpack.allowFilter", "true")
    snapshot = await Infrastructure(http_git.url(repository), token).snapshot("main", filename)
    with pytest.raises(ManifestMissing, match=filename):
        snapshot.read(filename)


@pytest.mark.fault(18)
@pytest.mark.parametrize("version", [0, 2])
async def test_sha256_is_rejected(sha256: GitRepository, http_git: GitProxy, token: str, version: int) -> None:
    """Every operation on a repository with SHA-256 object names fails before it writes, and says so."""
    if version == 0:
        http_git.script("", in_version_0)
    infrastructure = Infrastructure(http_git.url(sha256), token)
    operations = [
        infrastructure.refs("refs/"),
        infrastructure.create(CLAIM, "claim\n"),
        infrastructure.read("refs/heads/main"),
    ]
    for operation in [infrastructure.snapshot("main", MANIFEST), *operations]:
        with pytest.raises(UnsupportedRepository, match="SHA-256 object names"):
            await operation
    assert sha256.git("for-each-ref", "refs/claims/") == ""


@pytest.mark.fault(18)
async def test_sha256_is_rejected_on_a_daemon(sha256: GitRepository) -> None:
    """A snapshot of a git daemon's repository with SHA-256 object names fails, and says so."""
    with pytest.raises(UnsupportedRepository, match="SHA-256 object names"):
        await Infrastructure(sha256.url).snapshot("main", MANIFEST)


@pytest.mark.fault(18)
@pytest.mark.parametrize("version", [0, 2])
async def test_a_server_without_shallow_clones_is_rejected(
    repository: GitRepository, http_git: GitProxy, token: str, version: int
) -> None:
    """A server that cannot send a commit without its history fails the snapshot, which is not retried."""
    http_git.script("", without(b"shallow", version=version))
    with pytest.raises(UnsupportedRepository, match="does not support shallow clones; keep the deployment manifest"):
        await Infrastructure(http_git.url(repository), token).snapshot("main", MANIFEST)


@pytest.mark.fault(18)
async def test_a_server_that_reports_no_result_of_a_push_is_rejected(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """A push whose result the server does not report fails, because it may not have happened."""
    http_git.script("service=git-receive-pack", without(b"report-status"))
    with pytest.raises(UnsupportedRepository, match="does not report the result of a push"):
        await Infrastructure(http_git.url(repository), token).create(CLAIM, "claim\n")


@pytest.mark.fault(18)
@pytest.mark.parametrize("version", [0, 2])
async def test_an_empty_repository_has_no_branch(
    git_root: Path, tmp_path: Path, http_git: GitProxy, token: str, version: int
) -> None:
    """A snapshot of a new repository without commits fails, and says that it is empty."""
    (git_root / tmp_path.name).mkdir()
    git(git_root / tmp_path.name, "init", "--quiet", "--bare", BARE)
    if version == 0:
        http_git.script("", in_version_0)
    url = http_git.url(GitRepository(git_root / tmp_path.name, ""))
    with pytest.raises(InfrastructureAccessDenied, match="is empty, so it has no branch main; commit the deployment"):
        await Infrastructure(url, token).snapshot("main", MANIFEST)


@pytest.mark.fault(18)
async def test_a_missing_branch_is_reported_with_the_branches_that_exist(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """A missing branch is an error that lists the first of the others."""
    for name in ("a", "b/c", "d", "e", "f"):
        repository.git("branch", name, "main")
    with pytest.raises(
        InfrastructureAccessDenied, match=r"no branch x; check --infra-branch; it has a, b/c, d, e, f, …"
    ):
        await Infrastructure(http_git.url(repository), token).snapshot("x", MANIFEST)
