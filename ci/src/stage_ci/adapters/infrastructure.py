"""The infrastructure repository as a git remote: its refs, one file of it, and writes that only succeed unraced.

Every write names the value it expects to find. The git protocol makes the server compare and swap, so neither a claim
nor a commit can overwrite another writer's, and no working tree is needed: a commit is one file and the trees above it.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import anyio
from dulwich.client import GitClient, HttpGitClient, HTTPUnauthorized, get_transport_and_path
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository, NotTreeError
from dulwich.object_store import BaseObjectStore, tree_lookup_path
from dulwich.objects import ZERO_SHA, Blob, Commit, ObjectID, ShaFile, SubmoduleEncountered, Tree
from dulwich.pack import UnpackedObject, pack_objects_to_data
from dulwich.refs import Ref
from dulwich.repo import MemoryRepo
from urllib3 import Retry

from stage_ci.errors import InfrastructureAccessDenied, InfrastructureUnavailable, ManifestMissing, StageError

# Seconds for one exchange with the server; a stalled one ends as InfrastructureUnavailable.
EXCHANGE_LIMIT: Final = 60.0
_IDENTITY: Final = b"stage-ci <stage-ci@users.noreply.github.com>"
_SHOWN: Final = 300  # characters of what the server says
_REGULAR_FILES: Final = (0o100644, 0o100755)
# What git and the hosting services answer when another writer was faster; anything else is a refusal.
_RACED: Final = (
    "already exists",
    "stale info",
    "fetch first",
    "non-fast-forward",
    "cannot lock",
    "failed to lock",
    "failed to update ref",
    "failed to write",
    "incorrect old value",
    "reference changed",
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tip of a branch, with what is needed to read files from it and to commit on top of it."""

    commit: str
    store: BaseObjectStore
    tree: ObjectID

    def read(self, filename: str) -> bytes:
        """Return the bytes of the file at ``filename``, relative to the repository's root.

        Raises:
            ManifestMissing: if there is no such file, or it is a folder, a link or a submodule.
        """
        try:
            mode, sha = tree_lookup_path(self.store.__getitem__, self.tree, filename.encode())
        except (KeyError, NotTreeError, SubmoduleEncountered, ValueError) as error:
            raise ManifestMissing(f"{filename} is not in the infrastructure repository") from error
        if mode not in _REGULAR_FILES:
            raise ManifestMissing(f"{filename} is not a regular file of the infrastructure repository")
        blob = self.store[sha]
        assert isinstance(blob, Blob)  # noqa: S101 - what the mode of a regular file means
        return blob.data


class RefConflict(Exception):  # noqa: N818 - not an error: the caller reads again and retries
    """Another writer was faster: nothing was written."""


class Infrastructure:
    """One infrastructure repository behind a URL.

    Args:
        url: Where git finds it: https, http or git, without credentials.
        token: The token that may push to it, sent as the password of an HTTP request; None for anonymous access.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self._token = token

    async def refs(self) -> dict[str, str]:
        """Return every ref of the repository with the object it names.

        Raises:
            InfrastructureAccessDenied: if the server does not let the caller read, or the repository does not exist.
            InfrastructureUnavailable: if the server does not answer in time.
        """

        def read(client: GitClient, path: str) -> dict[str, str]:
            found = client.get_refs(path.encode()).refs
            return {name.decode(): sha.decode() for name, sha in found.items() if sha is not None}

        return await self._exchange(read)

    async def snapshot(self, branch: str) -> Snapshot:
        """Return the tip of ``branch``, fetched afresh and without history.

        Raises:
            InfrastructureAccessDenied: as in ``refs``, and if there is no such branch.
            InfrastructureUnavailable: if the server does not answer in time.
        """
        ref = Ref(f"refs/heads/{branch}".encode())

        def fetch(client: GitClient, path: str) -> Snapshot:
            repo = MemoryRepo()

            def wanted(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001
                if ref not in refs:
                    raise InfrastructureAccessDenied(
                        f"the infrastructure repository has no branch {branch}", remedy="check --infra-branch"
                    )
                return [refs[ref]]

            tip = client.fetch(path.encode(), repo, determine_wants=wanted, depth=1).refs[ref]
            assert tip is not None  # noqa: S101 - `wanted` raised otherwise
            commit = repo.object_store[tip]
            assert isinstance(commit, Commit)  # noqa: S101 - the tip of a branch is a commit
            return Snapshot(tip.decode(), repo.object_store, commit.tree)

        return await self._exchange(fetch)

    async def create(self, ref: str, text: str) -> None:
        """Create ``ref`` if no ref of this name exists, at ``claim_object(text)``.

        Raises:
            RefConflict: if the ref exists.
            InfrastructureAccessDenied: if the server does not let the caller write.
            InfrastructureUnavailable: if the server does not answer in time.
        """
        objects = _claim_objects(text)
        await self._push(Ref(ref.encode()), ZERO_SHA, objects[-1].id, objects)

    async def commit(self, snapshot: Snapshot, branch: str, filename: str, content: bytes, message: str) -> str:
        """Commit ``content`` as ``filename`` on top of ``snapshot`` and push it to ``branch``; return the commit.

        Raises:
            RefConflict: if the branch has moved since ``snapshot``.
            InfrastructureAccessDenied: if the server does not let the caller write.
            InfrastructureUnavailable: if the server does not answer in time.
        """
        blob = Blob.from_string(content)
        trees = list(_replaced(snapshot, filename.encode().split(b"/"), blob.id))
        parent = ObjectID(snapshot.commit.encode())
        commit = _commit(trees[-1].id, message, int(time.time()), parents=[parent])
        await self._push(Ref(f"refs/heads/{branch}".encode()), parent, commit.id, [blob, *trees, commit])
        return commit.id.decode()

    async def _push(self, ref: Ref, expected: bytes, new: ObjectID, objects: list[ShaFile]) -> None:
        def update(refs: dict[Ref, ObjectID]) -> dict[Ref, ObjectID]:
            if refs.get(ref, ZERO_SHA) != expected:
                raise RefConflict
            return {ref: new}

        def pack(*_: object, **__: object) -> tuple[int, Iterator[UnpackedObject]]:
            return pack_objects_to_data([(item, None) for item in objects])

        said = bytearray()

        def send(client: GitClient, path: str) -> str | None:
            result = client.send_pack(path.encode(), update, pack, progress=said.extend)
            return (result.ref_status or {}).get(ref)

        problem = await self._exchange(send)
        if problem and any(words in problem.lower() for words in _RACED):
            raise RefConflict
        if problem:
            words = " ".join(said.decode(errors="replace").split())[:_SHOWN]
            raise InfrastructureAccessDenied(
                f"the git server refused to update {ref.decode()}: {problem} {words}".rstrip()
            )

    async def _exchange(self, ask: Callable[[GitClient, str], T]) -> T:
        def work() -> T:
            with _told(self.url):
                return ask(*self._client())

        with anyio.move_on_after(EXCHANGE_LIMIT):
            return await _in_a_thread(work)
        raise InfrastructureUnavailable(f"{self.url} did not answer within {EXCHANGE_LIMIT:.0f} s")

    def _client(self) -> tuple[GitClient, str]:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https"):
            return get_transport_and_path(self.url)
        # GitHub takes any user name beside a token; this is the one it documents for apps.
        if self._token and not (self._token.isascii() and self._token.isprintable()):
            raise InfrastructureAccessDenied(f"the token for {self.url} holds characters that no token has")
        user = "x-access-token" if self._token else None
        host = f"{parts.scheme}://{parts.netloc}"
        client = _SmartClient(host, username=user, password=self._token, timeout=EXCHANGE_LIMIT)
        # One question is one request: whether to ask again is decided by who asks, not behind its back.
        client.pool_manager.connection_pool_kw["retries"] = Retry(connect=0, read=0, status=0, other=0, redirect=3)
        return client, parts.path


class _SmartClient(HttpGitClient):
    """Takes no page of a proxy for a "dumb" repository, which would have no refs."""

    @property
    def dumb(self) -> bool:
        return False

    @dumb.setter
    def dumb(self, value: bool) -> None:
        if value:
            raise GitProtocolError("sent a page that is not git's")


async def _in_a_thread(work: Callable[[], T]) -> T:
    """Return what ``work`` returns, from a thread that does not keep the program alive when it is left behind."""
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(result)


def claim_object(text: str) -> str:
    """Return the id of the object that ``Infrastructure.create`` makes of ``text``: always the same one."""
    return _claim_objects(text)[-1].id.decode()


def _claim_objects(text: str) -> list[ShaFile]:
    empty = Tree()
    return [empty, _commit(empty.id, text, 0, parents=[])]


def _commit(tree: ObjectID, message: str, seconds: int, parents: list[ObjectID]) -> Commit:
    commit = Commit()
    commit.tree, commit.parents, commit.message = tree, parents, message.encode()
    commit.author = commit.committer = _IDENTITY
    commit.author_time = commit.commit_time = seconds
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    return commit


def _replaced(snapshot: Snapshot, path: list[bytes], blob: ObjectID) -> Iterator[Tree]:
    """Yield the trees that change when the file at ``path`` becomes ``blob``, the root last."""

    def trees(root: ObjectID, names: list[bytes]) -> list[Tree]:
        tree = snapshot.store[root]
        assert isinstance(tree, Tree)  # noqa: S101 - `Snapshot.read` went the same way
        if len(names) == 1:
            below, entry = [], blob
        else:
            below = trees(tree[names[0]][1], names[1:])
            entry = below[-1].id
        changed = tree.copy()
        assert isinstance(changed, Tree)  # noqa: S101 - a copy keeps its type
        changed[names[0]] = (tree[names[0]][0], entry)
        return [*below, changed]

    yield from trees(snapshot.tree, path)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Turn what dulwich and the network raise into the pipeline's own errors; no cause may carry a header."""
    try:
        yield
    except (StageError, RefConflict):
        raise
    except HTTPUnauthorized:
        raise InfrastructureAccessDenied(f"{url} does not accept the token") from None
    except NotGitRepository:
        raise InfrastructureAccessDenied(f"{url} is no repository, or the token may not see it") from None
    except (GitProtocolError, HangupException, OSError) as error:
        text = str(error)
        if "http resp 403" in text or "access denied" in text:
            raise InfrastructureAccessDenied(f"{url} forbids it: {text}") from None
        raise InfrastructureUnavailable(
            f"{url} does not answer as a git server: {type(error).__name__} {text}"
        ) from None
    except Exception as error:  # noqa: BLE001 - dulwich: ValueError, AssertionError, zlib.error and more
        raise InfrastructureUnavailable(f"{url} does not answer as a git server: {type(error).__name__}") from None
