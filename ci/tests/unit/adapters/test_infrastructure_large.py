"""Large files in the infrastructure repository, on git servers with and without support for partial clones."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.adapters.infrastructure import LARGE_FILE, Infrastructure
from stage_ci.errors import InvalidManifest

if TYPE_CHECKING:
    from tests.servers.git import GitProxy, GitRepository

MANIFEST: Final = "manifests/default/svm.yaml"


@pytest.fixture
def large(repository: GitRepository) -> GitRepository:
    """Return a repository whose server supports partial clones, with a file that is just too large."""
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.push({"chart.tgz": "x" * LARGE_FILE, "dashboard.json": "x" * (LARGE_FILE - 1)})
    return repository


@pytest.mark.parametrize("transport", ["git", "http"])
async def test_a_large_file_is_not_fetched(
    large: GitRepository, http_git: GitProxy, token: str, transport: str
) -> None:
    """A server that supports partial clones sends every file below the limit and no larger one."""
    url = large.url if transport == "git" else http_git.url(large)
    snapshot = await Infrastructure(url, token).snapshot("main")
    assert len(snapshot.read("dashboard.json")) == LARGE_FILE - 1
    with pytest.raises(InvalidManifest, match=f"chart.tgz has at least {LARGE_FILE} bytes"):
        snapshot.read("chart.tgz")


async def test_a_commit_keeps_a_file_that_was_not_fetched(large: GitRepository) -> None:
    """A commit changes its one file and keeps every large file, although their content was not fetched."""
    infrastructure = Infrastructure(large.url)
    await infrastructure.commit(await infrastructure.snapshot("main"), "main", MANIFEST, b"image: two\n", "two")
    assert large.git("diff", "--name-only", "main^", "main") == f"{MANIFEST}\n"
    assert "missing" not in large.git("fsck", "--full", "--strict", "--no-dangling")


async def test_a_server_without_partial_clones_sends_every_file(
    large: GitRepository, http_git: GitProxy, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that does not support partial clones sends large files as well, and nothing is logged about it."""
    large.git("config", "uploadpack.allowFilter", "false")
    with caplog.at_level(logging.WARNING):
        snapshot = await Infrastructure(http_git.url(large), token).snapshot("main")
    assert len(snapshot.read("chart.tgz")) == LARGE_FILE
    assert caplog.messages == []
