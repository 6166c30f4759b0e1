"""The infrastructure repository as a git remote: its refs, its files, and writes that never overwrite another writer.

Every push names the value that the ref must still have, and the server compares and swaps
(https://git-scm.com/docs/pack-protocol, "Reference Update Request"). No work tree is needed: a commit consists of one
file and the trees above it.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final, NoReturn, TypeVar
from urllib.parse import urlsplit

import anyio
from dulwich.client import GitClient
from dulwich.errors import GitProtocolError
from dulwich.objects import ZERO_SHA, Blob, ObjectID, ShaFile
from dulwich.pack import UnpackedObject, pack_objects_to_data
from dulwich.refs import Ref

from stage_ci.adapters.git_daemon import DaemonClient
from stage_ci.adapters.git_fetch import Snapshot, fetch_message, fetch_snapshot, raise_if_sha256
from stage_ci.adapters.git_host import push_obstacle
from stage_ci.adapters.git_http import SmartHttpClient
from stage_ci.adapters.git_objects import build_commit, replace_blob, text_object, text_objects
from stage_ci.errors import InfrastructureAccessDenied, InfrastructureUnavailable, StageError
from stage_ci.rules.credentials import without_line_break
from stage_ci.rules.git_server import (
    excerpt,
    is_conflict,
    is_denied_line,
    is_temporary,
    push_remedy,
    rejection_remedy,
)
from stage_ci.rules.infrastructure import DEFAULT_COMMITTER, DEFAULT_IDENTITY, GitIdentity
from stage_ci.rules.proxy import Proxy
from stage_ci.rules.remedies import known_remedy

EXCHANGE_LIMIT: Final = 60.0  # seconds for one exchange with the server
# Seconds for a snapshot: a server without partial clones sends all files. Each read has the limit of an exchange.
SNAPSHOT_LIMIT: Final = 300.0
_HTTP: Final = ("http", "https")
_BRANCHES: Final = "refs/heads/"
_BRANCHES_SHOWN: Final = 5

T = TypeVar("T")


class RefConflict(Exception):  # noqa: N818 - not an error: the caller reads the ref again and retries
    """Another writer changed the ref first, so nothing was written."""


class Infrastructure:
    """One infrastructure repository on a git server.

    Args:
        url: The URL of the repository: https, http or git, without credentials.
        token: The token, sent as the password of every HTTP request; None for anonymous access. Line breaks at its end
            are removed.
        identity: The user name beside the token, and the committer.
    """

    def __init__(self, url: str, token: str | None = None, identity: GitIdentity = DEFAULT_IDENTITY) -> None:
        self.url = url
        self._token = without_line_break(token) if token else None
        self._identity = identity

    async def refs(self, *prefixes: str) -> dict[str, str]:
        """Return the refs whose names begin with one of ``prefixes``, each with the ID of its object.

        A server that speaks protocol version 2 sends no others (https://git-scm.com/docs/protocol-v2, "ls-refs"), so
        the claims of other images cost nothing.

        Raises:
            InfrastructureAccessDenied: if the token has no read access, or if the repository does not exist.
            InfrastructureUnavailable: if the server does not answer in time.
        """

        def read(client: GitClient, path: str) -> dict[str, str]:
            return _list_refs(client, path, *prefixes)

        return await self._exchange(read)

    async def snapshot(self, branch: str, filename: str) -> Snapshot:
        """Fetch the current tip of ``branch`` without its history, and of its files ``filename`` alone.

        Raises:
            InfrastructureAccessDenied: if the token has no read access, or if the branch does not exist.
            InfrastructureUnavailable: if the server does not answer in time.
            UnsupportedRepository: if the repository uses SHA-256, or its server has no shallow clones.
            InvalidManifest: if the file is too large to be fetched.
        """

        def fetch(client: GitClient, path: str) -> Snapshot:
            snapshot = fetch_snapshot(client, path, Ref(f"{_BRANCHES}{branch}".encode()), filename)
            return snapshot or _raise_no_branch(branch, _list_refs(client, path, _BRANCHES))

        return await self._exchange(fetch, SNAPSHOT_LIMIT)

    async def raise_if_protected(self, branch: str) -> None:
        """Raise if the host says that it would reject a push to ``branch``; most say it only after a push.

        Raises:
            InfrastructureAccessDenied: if the branch requires signed commits or pull requests, or is not the token's.
        """
        is_http = urlsplit(self.url).scheme in _HTTP
        obstacle = await push_obstacle(self.url, self._token, branch) if is_http and self._token else None
        if obstacle:
            remedy = rejection_remedy(obstacle) or "allow this user to push to it, or give another --infra-branch"
            raise InfrastructureAccessDenied(f"{self.url} would reject a push to {branch}: {obstacle}", remedy=remedy)

    async def read(self, ref: str) -> str | None:
        """Return the text that ``create`` wrote to ``ref``; None if there is no such ref.

        Raises:
            InfrastructureAccessDenied: if the token has no read access.
            InfrastructureUnavailable: if the server does not answer in time.
        """
        return await self._exchange(lambda client, path: fetch_message(client, path, Ref(ref.encode())))

    def text_ids(self, text: str) -> set[str]:
        """Return the IDs of the objects that hold ``text``: with the committer, or the default one of earlier runs."""
        return {text_object(text, committer) for committer in (self._identity.committer, DEFAULT_COMMITTER)}

    async def create(self, ref: str, text: str) -> None:
        """Create ``ref`` at an object that holds ``text``.

        Raises:
            RefConflict: if the ref exists already.
            InfrastructureAccessDenied: if the server rejects the push.
            InfrastructureUnavailable: if the server does not answer in time.
        """
        objects = text_objects(text, self._identity.committer)
        await self._push(Ref(ref.encode()), ZERO_SHA, objects[-1].id, objects)

    async def commit(self, snapshot: Snapshot, branch: str, filename: str, content: bytes, message: str) -> str:
        """Commit a changed file on top of ``snapshot`` and push it to ``branch``.

        Args:
            snapshot: The tip of the branch.
            branch: The branch.
            filename: The path of an existing file, relative to the repository's root.
            content: The new content of the file.
            message: The commit message.

        Returns:
            The ID of the commit.

        Raises:
            RefConflict: if the branch has moved since ``snapshot``.
            InfrastructureAccessDenied: if the server rejects the push.
            InfrastructureUnavailable: if the server does not answer in time.
        """
        blob = Blob.from_string(content)
        trees = replace_blob(snapshot.store.__getitem__, snapshot.tree, filename.encode().split(b"/"), blob.id)
        parent = ObjectID(snapshot.commit.encode())
        committer = self._identity.committer
        commit = build_commit(trees[-1].id, message, int(time.time()), parents=[parent], committer=committer)
        await self._push(Ref(f"{_BRANCHES}{branch}".encode()), parent, commit.id, [blob, *trees, commit])
        return commit.id.decode()

    async def _push(self, ref: Ref, expected: bytes, new: ObjectID, objects: list[ShaFile]) -> None:
        def update(refs: dict[Ref, ObjectID]) -> dict[Ref, ObjectID]:
            raise_if_sha256(refs.values())
            if refs.get(ref, ZERO_SHA) != expected:
                raise RefConflict
            return {ref: new}

        def pack(*_: object, **__: object) -> tuple[int, Iterator[UnpackedObject]]:
            return pack_objects_to_data([(item, None) for item in objects])

        output = bytearray()

        def send(client: GitClient, path: str) -> str | None:
            result = client.send_pack(path.encode(), update, pack, progress=output.extend)
            if result.ref_status is None or ref not in result.ref_status:
                raise GitProtocolError(self._excerpt(f"no result of the push\n{output.decode(errors='replace')}"))
            return result.ref_status[ref]

        status = await self._exchange(send)  # None if the ref was updated
        if status and is_conflict(status):
            raise RefConflict
        if status:
            printed = output.decode(errors="replace")
            reason = f"{self._excerpt(status)} {self._excerpt(printed)}".rstrip()
            cause = f"the git server refused to update {ref.decode()}: {reason}"
            if is_temporary(f"{status} {printed}"):
                raise InfrastructureUnavailable(cause)
            raise InfrastructureAccessDenied(cause, remedy=push_remedy(ref.decode(), f"{status} {printed}"))

    async def _exchange(self, operation: Callable[[GitClient, str], T], limit: float | None = None) -> T:
        def work() -> T:
            with self._translate_errors():
                return operation(*self._client())

        seconds = limit or EXCHANGE_LIMIT
        with anyio.move_on_after(seconds):
            return await _run_in_daemon_thread(work)
        raise InfrastructureUnavailable(f"{self.url} did not answer within {seconds:.0f} s")

    def _client(self) -> tuple[GitClient, str]:
        parts = urlsplit(self.url)
        if parts.scheme in _HTTP:
            return SmartHttpClient(self.url, self._token, self._identity, EXCHANGE_LIMIT), parts.path
        return DaemonClient(parts.hostname or "", parts.port), parts.path

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise errors of dulwich and the network as the pipeline's own, without a cause that may hold a header."""
        try:
            yield
        except (StageError, RefConflict):
            raise
        except Exception as error:  # noqa: BLE001 - dulwich: ValueError, AssertionError, zlib.error and more
            raise self._translate(error) from None

    def _translate(self, error: Exception) -> StageError:
        text = self._excerpt(str(error))
        if isinstance(error, TimeoutError) or "timeout=" in text:  # urllib3: "Read timed out. (read timeout=60.0)"
            return InfrastructureUnavailable(f"{self.url} did not answer within {EXCHANGE_LIMIT:.0f} s")
        if isinstance(error, GitProtocolError) and is_denied_line(text):
            return InfrastructureAccessDenied(f"{self.url} denies access: {text}")
        shown = text if isinstance(error, GitProtocolError | OSError) else ""
        proxy = Proxy.of(self.url, os.environ) if urlsplit(self.url).scheme in _HTTP else None
        server = f"{self.url}{proxy.phrase if proxy else ''}"
        cause = f"the git request to {server} failed: {type(error).__name__} {shown}".rstrip()
        return InfrastructureUnavailable(cause, remedy=known_remedy(str(error)))

    def _excerpt(self, text: str) -> str:
        return excerpt(text, self._identity.secrets(self._token))


def _list_refs(client: GitClient, path: str, *prefixes: str) -> dict[str, str]:
    found = client.get_refs(path.encode(), ref_prefix=[prefix.encode() for prefix in prefixes]).refs
    ids = {name: sha for name, sha in found.items() if sha is not None}
    raise_if_sha256(ids.values())
    names = {name.decode(): sha.decode() for name, sha in ids.items()}
    return {name: sha for name, sha in names.items() if name.startswith(prefixes)}


def _raise_no_branch(branch: str, refs: dict[str, str]) -> NoReturn:
    names = sorted(name.removeprefix(_BRANCHES) for name in refs)
    if not names:
        raise InfrastructureAccessDenied(
            f"the infrastructure repository is empty, so it has no branch {branch}",
            remedy="commit the deployment manifest to it first",
        )
    shown = ", ".join(names[:_BRANCHES_SHOWN]) + (", …" if len(names) > _BRANCHES_SHOWN else "")
    raise InfrastructureAccessDenied(
        f"the infrastructure repository has no branch {branch}", remedy=f"check --infra-branch; it has {shown}"
    )


# Not anyio.to_thread: its worker threads are not daemons, so the interpreter joins an abandoned one at its exit, and a
# stalled server would keep the program alive (https://github.com/agronholm/anyio, WorkerThread in _asyncio.py).
async def _run_in_daemon_thread(work: Callable[[], T]) -> T:
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again by the await below
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(result)
