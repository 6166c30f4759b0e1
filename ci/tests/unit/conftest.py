"""Real git servers on the loopback interface, and repositories behind them."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN: Final = "canary-51c7"  # noqa: S105 - a canary
MANIFEST: Final = "manifests/default/svm.yaml"
# Git reads no configuration of this machine, and its commits have one author and one time.
GIT: Final = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "writer",
    "GIT_AUTHOR_EMAIL": "writer@localhost",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "writer",
    "GIT_COMMITTER_EMAIL": "writer@localhost",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints in ``folder``."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=GIT, check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class GitRepository:
    """A bare repository that servers show; ``work`` is where a test commits to it by hand."""

    bare: Path
    work: Path
    daemon: str

    @property
    def url(self) -> str:
        """Return where the git daemon shows it."""
        return f"{self.daemon}/{self.bare.parent.name}/{self.bare.name}"

    def git(self, *arguments: str) -> str:
        """Return what git prints in the bare repository."""
        return git(self.bare, *arguments)

    def push(self, files: dict[str, str], message: str = "by hand") -> str:
        """Commit files as somebody else would, onto whatever the branch holds now; return the commit."""
        git(self.work, "pull", "--quiet", "--rebase")
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", f"--message={message}")
        git(self.work, "push", "--quiet")
        return git(self.work, "rev-parse", "HEAD").strip()

    def hook(self, name: str, script: str) -> None:
        """Let the server run ``script`` as its hook ``name``."""
        path = self.bare / "hooks" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Return what Dagger runs on."""
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="session")
def git_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the servers show."""
    return tmp_path_factory.mktemp("git")


@pytest.fixture(scope="session")
def git_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a work tree and its bare repository, of one commit."""
    root = tmp_path_factory.mktemp("template")
    work = root / "work"
    (work / MANIFEST).parent.mkdir(parents=True)
    (work / MANIFEST).write_text("image: owner/service:v1.0.1\n")
    (work / "README.md").write_text("infrastructure\n")
    (work / "apply.sh").write_text("#!/bin/sh\n")
    (work / "apply.sh").chmod(0o755)
    (work / "link.yaml").symlink_to(MANIFEST)
    (work / "linked").symlink_to("manifests", target_is_directory=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", "--all")
    git(work, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git(work, "commit", "--quiet", "--message=first")
    git(root, "clone", "--quiet", "--bare", "work", "infra.git")
    for setting in ("http.receivepack=true", "gc.auto=0", "receive.autogc=false", "core.fsync=none"):
        git(root / "infra.git", "config", *setting.split("="))
    git(work, "remote", "add", "origin", "../infra.git")
    git(work, "fetch", "--quiet")
    git(work, "branch", "--quiet", "--set-upstream-to=origin/main")
    return root


@pytest.fixture(scope="session")
def git_daemon(git_root: Path) -> Iterator[str]:
    """Return the address of a git daemon that lets anybody push."""
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
    """Return a fresh repository behind the git daemon."""
    root = git_root / tmp_path.name
    shutil.copytree(git_template, root, symlinks=True)
    return GitRepository(root / "infra.git", root / "work", git_daemon)


class HttpGit:
    """A git server over HTTP that asks for a token, as a hosting service does."""

    def __init__(self, root: Path) -> None:
        self.authorizations: list[str] = []
        self.statuses: list[int] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Front", (_Front,), {"host": self, "root": root}))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def url(self, repository: GitRepository) -> str:
        """Return where this server shows ``repository``."""
        port = self._http.server_port
        return f"http://127.0.0.1:{port}/{repository.bare.parent.name}/{repository.bare.name}"

    def close(self) -> None:
        """Stop answering."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Front(BaseHTTPRequestHandler):
    """What git-http-backend(1) asks of a web server."""

    host: HttpGit
    root: Path

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        authorization = self.headers.get("Authorization", "")
        self.host.authorizations.append(authorization)
        password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[2]
        if password != TOKEN:
            self._send(403 if password.startswith("reader") else 401, {"WWW-Authenticate": "Basic"}, b"no")
            return
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_USER": "robot",
        }
        command = ["git", "http-backend"]
        answer = subprocess.run(command, env=GIT | variables, input=body, check=True, capture_output=True).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self._send(int(headers.pop("Status", "200").split()[0]), headers, content)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.host.statuses.append(status)
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(content))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def http_git(git_root: Path) -> Iterator[HttpGit]:
    """Return a git server over HTTP that takes ``token`` only."""
    host = HttpGit(git_root)
    yield host
    host.close()


@pytest.fixture
def token() -> str:
    """Return the token that the HTTP server takes."""
    return TOKEN
