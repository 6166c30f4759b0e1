"""Refs outside of branches, and what a Gitea server sends of a repository with large files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.git import git
from tests.unit.steps.deploying import FILE, manifest

from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.git_fetch import LARGE_FILE
from stage_ci.adapters.git_objects import text_object
from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.errors import InfrastructureAccessDenied, InvalidManifest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gitea.forge import ForgeRepository

CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"
RECORD: Final = "refs/records/docker.io/owner/service/v1.0.1"
MANIFEST: Final = str(FILE)
MEBIBYTE: Final = 1024 * 1024

# Dulwich leaves the connection of a rejected request to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


@pytest.mark.parametrize("ref", [CLAIM, RECORD, "refs/claims/rehearsal/1/owner/service/v1.0.1"])
async def test_refs_beside_branches_are_written_once(repository: ForgeRepository, token: str, ref: str) -> None:
    """Claims and records are accepted, read back by their prefix, and never written twice."""
    infrastructure = Infrastructure(repository.url, token)
    await infrastructure.create(ref, "first\n")
    with pytest.raises(RefConflict):
        await infrastructure.create(ref, "second\n")
    assert await infrastructure.refs(ref.rpartition("/")[0]) == {ref: text_object("first\n")}
    assert await infrastructure.read(ref) == "first\n"
    assert await infrastructure.read(f"{ref}0") is None


async def test_refs_are_no_branches_of_the_forge(repository: ForgeRepository, token: str) -> None:
    """A claim is no branch and no tag, so no protection of either and no page of the forge shows it."""
    repository.protect("**", enable_push=False)
    await Infrastructure(repository.url, token).create(CLAIM, "claim\n")
    assert [branch["name"] for branch in repository.call("GET", "/branches")] == ["main"]
    assert repository.call("GET", "/tags") == []


@pytest.mark.parametrize("writers", [2, 5])
async def test_a_claim_is_won_by_one(repository: ForgeRepository, token: str, writers: int) -> None:
    """Of runs that claim one version at the same time, one succeeds, and the others see a conflict."""

    async def claim(number: int) -> bool:
        try:
            await Infrastructure(repository.url, token).create(CLAIM, f"run {number}\n")
        except RefConflict:
            return False
        return True

    won = await gather_all(claim(number) for number in range(writers))
    assert sum(won) == 1
    assert await Infrastructure(repository.url, token).read(CLAIM) == f"run {won.index(True)}\n"


async def test_equal_claims_are_one(repository: ForgeRepository, token: str) -> None:
    """Of two writers of the same text, at most one writes, and the other sees a conflict."""
    infrastructure = Infrastructure(repository.url, token)
    await infrastructure.create(CLAIM, "same\n")
    with pytest.raises(RefConflict):
        await infrastructure.create(CLAIM, "same\n")


@pytest.mark.parametrize("ref", [CLAIM, RECORD])
async def test_a_server_that_hides_the_refs_is_reported(repository: ForgeRepository, token: str, ref: str) -> None:
    """A server that hides refs below refs/claims/ or refs/records/ refuses them, and the error says what is needed."""
    namespace = "/".join(ref.split("/")[:2])
    repository.git("config", "transfer.hideRefs", namespace)
    with pytest.raises(InfrastructureAccessDenied) as error:
        await Infrastructure(repository.url, token).create(ref, "text\n")
    assert str(error.value).endswith(
        f"the git server refused to update {ref}: deny updating a hidden ref; let the token's user create refs below "
        f"{namespace}/, which the pipeline needs beside the branch"
    )


async def test_a_hook_that_allows_branches_only_is_reported(repository: ForgeRepository, token: str) -> None:
    """A hook that accepts branches alone rejects a claim in its own words, and the error says what is needed."""
    repository.hook(
        "while read old new ref; do case $ref in refs/heads/*) ;; "
        '*) echo "$ref is outside refs/heads" >&2; exit 1;; esac; done'
    )
    with pytest.raises(InfrastructureAccessDenied) as error:
        await Infrastructure(repository.url, token).create(CLAIM, "text\n")
    assert str(error.value).endswith(
        f"pre-receive hook declined {CLAIM} is outside refs/heads; let the token's user create refs below "
        "refs/claims/, which the pipeline needs beside the branch"
    )


@pytest.fixture
def large(repository: ForgeRepository, token: str, tmp_path: Path) -> ForgeRepository:
    """Return a repository with 24 MiB of files that cannot be compressed, and a manifest that is too large."""
    address = repository.url.replace("://", f"://writer:{token}@")
    git(tmp_path, "clone", "--quiet", address, "work")
    work = tmp_path / "work"
    git(work, "config", "core.compression", "0")
    (work / "charts").mkdir()
    for number in range(24):
        (work / f"charts/{number}.tgz").write_bytes(os.urandom(MEBIBYTE))
    (work / "large.yaml").write_bytes(os.urandom(LARGE_FILE + 1))
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message=charts")
    git(work, "push", "--quiet")
    return repository


async def test_only_the_manifest_is_fetched(large: ForgeRepository, token: str) -> None:
    """Of a repository with large files, Gitea sends the manifest alone, and a commit keeps every other file."""
    infrastructure = Infrastructure(large.url, token)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    assert snapshot.read(MANIFEST) == manifest("owner/service:v1.0.0").encode()
    assert sum(len(item.as_raw_string()) for item in snapshot.store.values()) < 20_000
    await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    assert large.git("diff", "--name-only", "main^", "main") == f"{MANIFEST}\n"
    assert "missing" not in large.git("fsck", "--full", "--strict", "--no-dangling")
    with pytest.raises(InvalidManifest, match=f"large.yaml has more than {LARGE_FILE} bytes"):
        await infrastructure.snapshot("main", "large.yaml")
