"""A Gitea server on the loopback interface, and its users, tokens and repositories.

The server is Gitea's own, built by `make test-gitea`. It refuses to run as root, so it then runs as nobody, in a folder
with copies of its program and files that this user may read.
"""

import base64
import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from tests.servers.git import GIT
from tests.servers.programs import wait_until_answers

VENV: Final = Path(__file__).resolve().parents[3] / ".venv"
HOST: Final = "127.0.0.1"
ADMIN: Final = "root-admin"
PASSWORD: Final = "canary-e0d1-password"  # noqa: S105 - of users that exist as long as a test run
NOBODY: Final = 65534
# Seconds for a server to answer after its start, on a busy machine.
READY: Final = 120.0
# https://docs.gitea.com/administration/config-cheat-sheet; the names in braces are filled in.
SETTINGS: Final = """
WORK_PATH = {folder}
[server]
HTTP_ADDR = {host}
HTTP_PORT = {port}
ROOT_URL = http://{host}:{port}{path}/
LOCAL_ROOT_URL = http://{host}:{port}{path}/
USE_SUB_URL_PATH = true
STATIC_ROOT_PATH = {folder}
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = of-a-test
[service]
DISABLE_REGISTRATION = true
[repository]
ROOT = {folder}/repositories
DEFAULT_BRANCH = main
[migrations]
ALLOW_LOCALNETWORKS = true
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
[log]
LEVEL = warn
"""


@dataclass(frozen=True, slots=True)
class Forge:
    """A running server.

    Attributes:
        url: Its URL.
        folder: The folder of its files.
    """

    url: str
    folder: Path

    def call(self, method: str, path: str, **body: object) -> Any:  # noqa: ANN401 - JSON
        """Call the API as the administrator, at a path below /api/v1; return the answer."""
        answer = httpx.request(
            method, f"{self.url}/api/v1{path}", json=body or None, auth=(ADMIN, PASSWORD), timeout=60
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def user(self, name: str) -> None:
        """Create a user, who has no rights yet."""
        account = {"username": name, "email": f"{name}@localhost.example", "password": PASSWORD}
        self.call("POST", "/admin/users", **account, must_change_password=False)

    def token(self, user: str, *scopes: str) -> str:
        """Return a new token of ``user`` with ``scopes``, such as ``write:repository``."""
        name = f"{user}-{time.monotonic_ns()}"
        token = self.call("POST", f"/users/{user}/tokens", name=name, scopes=list(scopes))["sha1"]
        assert isinstance(token, str)
        return token

    def actions_token(self, repository: str) -> str:
        """Return the token of a running job of the repository's Actions, as a runner would get it.

        Only a runner starts jobs, so the job is written into the database (models/actions/task.go, ActionTask).
        """
        token, salt = secrets.token_hex(20), "salt"
        digest = hashlib.pbkdf2_hmac("sha256", token.encode(), salt.encode(), 10_000, 50).hex()
        number = self.call("GET", f"/repos/{repository}")["id"]
        row = {"repo_id": number, "status": 6, "is_fork_pull_request": 0, "token_hash": digest, "token_salt": salt}
        row |= {"token_last_eight": token[-8:]}
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        with contextlib.closing(sqlite3.connect(self.folder / "gitea.db", timeout=30)) as database, database:
            database.execute(f"INSERT INTO action_task ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608
        return token

    def repository(self, name: str, files: dict[str, str], **options: object) -> "ForgeRepository":
        """Create a repository of the administrator with ``files`` on the branch main."""
        self.call("POST", "/user/repos", name=name, default_branch="main", **options)
        repository = ForgeRepository(self, ADMIN, name)
        for path, text in files.items():
            repository.write(path, text)
        return repository


@dataclass(frozen=True, slots=True)
class ForgeRepository:
    """A repository of the server.

    Attributes:
        forge: The server.
        owner: The user that owns it.
        name: Its name.
    """

    forge: Forge
    owner: str
    name: str

    @property
    def url(self) -> str:
        """Return the URL that ``git clone`` takes."""
        return f"{self.forge.url}/{self.owner}/{self.name}.git"

    @property
    def bare(self) -> Path:
        """Return the folder of the repository on the server's disk."""
        return self.forge.folder / "repositories" / self.owner.lower() / f"{self.name.lower()}.git"

    def call(self, method: str, path: str = "", **body: object) -> Any:  # noqa: ANN401 - JSON
        """Call the API of the repository as the administrator."""
        return self.forge.call(method, f"/repos/{self.owner}/{self.name}{path}", **body)

    def write(self, path: str, text: str, branch: str = "main") -> str:
        """Commit a new file as another writer would; return the commit."""
        content = base64.b64encode(text.encode()).decode()
        answer = self.call("POST", f"/contents/{path}", content=content, message=f"add {path}", branch=branch)
        return str(answer["commit"]["sha"])

    def protect(self, branch: str = "main", **rules: object) -> None:
        """Protect a branch, or those that match a pattern."""
        self.call("POST", "/branch_protections", rule_name=branch, **rules)

    def collaborator(self, user: str, permission: str) -> None:
        """Give ``user`` a permission: read, write or admin."""
        self.call("PUT", f"/collaborators/{user}", permission=permission)

    def git(self, *arguments: str) -> str:
        """Run git in the server's repository and return its output."""
        # It belongs to the user of the server: git-config(1), "safe.directory".
        command = ["git", "-c", f"safe.directory={self.bare}", "-C", str(self.bare), *arguments]
        return subprocess.run(command, env=GIT, check=True, capture_output=True, text=True).stdout

    def hook(self, script: str) -> None:
        """Add a pre-receive hook, as an administrator of the server does; Gitea runs it beside its own."""
        path = self.bare / "hooks" / "pre-receive.d" / "policy"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@contextlib.contextmanager
def running_forge(path: str = "") -> Iterator[Forge]:
    """Start a server below ``path`` with an administrator; stop it and remove its files at the end."""
    with tempfile.TemporaryDirectory(prefix="stage-ci-gitea-") as name:
        folder = Path(name)
        with socket.create_server((HOST, 0)) as free:
            port = free.getsockname()[1]
        shutil.copy(VENV / "bin" / "gitea", folder)
        for part in ("options", "public", "templates"):
            shutil.copytree(VENV / "gitea" / part, folder / part)
        (folder / "app.ini").write_text(SETTINGS.format(folder=folder, host=HOST, port=port, path=path))
        if os.geteuid() == 0:
            hand_over(folder)
        command(folder, "migrate")
        account = ("--username", ADMIN, "--password", PASSWORD, "--email", "admin@localhost.example")
        command(folder, "admin", "user", "create", "--admin", "--must-change-password=false", *account)
        with serving(folder, url := f"http://{HOST}:{port}{path}"):
            yield Forge(url, folder)


def hand_over(folder: Path) -> None:
    """Make nobody the owner of a folder and all that is in it."""
    for parent, _, files in os.walk(folder):
        for each in (parent, *(os.path.join(parent, file) for file in files)):  # noqa: PTH118 - as os.walk has them
            os.chown(each, NOBODY, NOBODY)


def start(folder: Path, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":  # noqa: ANN401 - those of Popen
    """Start Gitea's program as the owner of ``folder``."""
    if os.geteuid() == 0:
        options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    # Without the settings of git and the proxies of the machine.
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "USER": "nobody"}
    program = [str(folder / "gitea"), "--config", str(folder / "app.ini"), *arguments]
    return subprocess.Popen(program, cwd=folder, env=variables, **options)


def command(folder: Path, *arguments: str) -> None:
    """Run a command of Gitea's program to its end."""
    process = start(folder, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = process.communicate(timeout=READY)
    assert process.returncode == 0, output.decode(errors="replace")[-2000:]


@contextlib.contextmanager
def serving(folder: Path, url: str) -> Iterator[None]:
    """Run the server until the end of the context; its output goes to a file in ``folder``."""
    path = folder / "output.log"
    with path.open("wb") as log:
        process = start(folder, "web", stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until_answers(process, f"{url}/api/healthz", path, READY)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
