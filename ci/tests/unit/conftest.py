"""Real git servers on the loopback interface, and the repositories that they publish."""

from __future__ import annotations

import gc
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest
from tests.servers.git import GIT, GitProxy, GitRepository, git, git_proxy, publish, stage_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN: Final = "canary-51c7"  # noqa: S105 - a canary
MANIFEST: Final = "manifests/default/svm.yaml"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Return the event loop that Dagger uses."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture(scope="session")
def git_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder whose repositories the servers publish."""
    return tmp_path_factory.mktemp("git")


@pytest.fixture(scope="session")
def git_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a work tree and its bare repository, with one commit."""
    root = tmp_path_factory.mktemp("template")
    work = root / "work"
    (work / MANIFEST).parent.mkdir(parents=True)
    (work / MANIFEST).write_text("image: owner/service:v1.0.1\n")
    (work / "README.md").write_text("infrastructure\n")
    (work / "apply.sh").write_text("#!/bin/sh\n")
    (work / "apply.sh").chmod(0o755)
    (work / "link.yaml").symlink_to(MANIFEST)
    (work / "linked").symlink_to("manifests", target_is_directory=True)
    stage_all(work)
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    publish(work)
    return root


@pytest.fixture(scope="session")
def git_daemon(git_root: Path) -> Iterator[str]:
    """Return the URL of a git daemon that accepts anonymous pushes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    libexec = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    options = [f"--port={port}", "--enable=receive-pack", "--export-all", f"--base-path={git_root}"]
    options += ["--reuseaddr", "--max-connections=0", "--log-destination=none"]
    with subprocess.Popen([f"{libexec}/git-daemon", "--listen=127.0.0.1", *options], env=GIT) as daemon:
        for _ in range(200):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"git://127.0.0.1:{port}"
        daemon.terminate()


@pytest.fixture
def repository(git_root: Path, git_template: Path, git_daemon: str, tmp_path: Path) -> GitRepository:
    """Return a new repository on the git daemon."""
    root = git_root / tmp_path.name
    shutil.copytree(git_template, root, symlinks=True)
    return GitRepository(root, git_daemon)


@pytest.fixture
def http_git(git_root: Path) -> Iterator[GitProxy]:
    """Return a git server over HTTP that requires ``token``."""
    with git_proxy(git_root, TOKEN) as proxy:
        yield proxy


@pytest.fixture
def token() -> str:
    """Return the token of the HTTP server."""
    return TOKEN


@pytest.fixture(scope="module")
def collected() -> Iterator[None]:
    """Run the garbage collector after the tests of a file."""
    yield
    gc.collect()
