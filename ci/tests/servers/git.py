"""A real git server over HTTP: git's own backend behind password authentication, as hosting services have it."""

import base64
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers.fault_proxy import FaultProxy
from tests.servers.loopback import Reply, Request

# Git ignores the configuration of the machine, and every commit has the same author and time.
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
# The bare repository in the folder of the work tree.
BARE: Final = "infra.git"
# A served repository accepts pushes over HTTP and starts no background clean-up.
_SETTINGS: Final = ("http.receivepack=true", "gc.auto=0", "receive.autogc=false", "core.fsync=none")


def git(folder: Path, *arguments: str) -> str:
    """Run git in ``folder`` and return its output."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=GIT, check=True, capture_output=True, text=True).stdout


def stage_all(work: Path) -> None:
    """Initialize a repository in the folder ``work`` and stage all of its files."""
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "add", "--all")


def publish(work: Path) -> None:
    """Commit the staged files of ``work`` and clone them into the bare repository that servers publish."""
    git(work, "commit", "--quiet", "--message=first")
    bare = work.parent / BARE
    git(work.parent, "clone", "--quiet", "--bare", work.name, BARE)
    for setting in _SETTINGS:
        git(bare, "config", *setting.split("="))
    git(work, "remote", "add", "origin", f"../{BARE}")
    git(work, "fetch", "--quiet")
    git(work, "branch", "--quiet", "--set-upstream-to=origin/main")


@dataclass(frozen=True)
class GitRepository:
    """A bare repository that servers publish, and a work tree from which a test pushes commits to it.

    Attributes:
        root: The folder of both.
        server: The URL of a server that publishes it.
    """

    root: Path
    server: str

    @property
    def bare(self) -> Path:
        """Return the folder of the bare repository."""
        return self.root / BARE

    @property
    def work(self) -> Path:
        """Return the folder of the work tree."""
        return self.root / "work"

    @property
    def path(self) -> str:
        """Return the path of the repository on its servers."""
        return f"{self.root.name}/{BARE}"

    @property
    def url(self) -> str:
        """Return the URL of the repository on its server."""
        return f"{self.server}/{self.path}"

    def git(self, *arguments: str) -> str:
        """Run git in the bare repository and return its output."""
        return git(self.bare, *arguments)

    def push(self, files: dict[str, str], message: str = "by hand") -> str:
        """Commit files on the current tip of the branch, as another user would; return the commit."""
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
        """Install ``script`` as the server's hook ``name``."""
        path = self.bare / "hooks" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


class GitProxy(FaultProxy):
    """A git server over HTTP."""

    def url(self, repository: GitRepository) -> str:
        """Return the URL of ``repository`` on this server."""
        return f"http://{self.address}/{repository.path}"


def git_proxy(root: Path, token: str) -> GitProxy:
    """Return a git server over HTTP that publishes the repositories in ``root`` and accepts ``token`` as password."""

    def request_filter(request: Request) -> Reply | None:
        scheme, _, value = request.authorization.partition(" ")
        # The API of a hosting service, which has the same host, takes the token alone.
        password = value if scheme == "Bearer" else base64.b64decode(value).decode().partition(":")[2]
        if password == token:
            return None
        return Reply(403 if password.startswith("reader") else 401, b"no", {"WWW-Authenticate": "Basic"})

    def upstream(request: Request) -> Reply:
        path, _, query = request.target.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REQUEST_METHOD": request.method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "REMOTE_USER": "robot",
        }
        # git-http-backend(1): a CGI program, which ends with status 1 after it has sent an error of git-upload-pack.
        command = ["git", "http-backend"]
        answer = subprocess.run(command, env=GIT | variables, input=request.body, check=False, capture_output=True)
        head, _, body = answer.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return Reply(int(headers.pop("Status", "200").split()[0]), body, headers)

    return GitProxy(upstream, request_filter)
