"""The infrastructure repository as a git remote: its refs, its files, and writes that never overwrite another writer.

Every push names the value that the ref must still have, and the server compares and swaps
(https://git-scm.com/docs/pack-protocol, "Reference Update Request"). No work tree is needed: a commit consists of one
file and the trees above it.
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
from dulwich.client import GitClient, HTTPUnauthorized, get_transport_and_path
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository, NotTreeError
from dulwich.object_store import BaseObjectStore, tree_lookup_path
from dulwich.objects import ZERO_SHA, Blob, Commit, ObjectID, ShaFile, SubmoduleEncountered
from dulwich.pack import UnpackedObject, pack_objects_to_data
from dulwich.refs import Ref
from dulwich.repo import MemoryRepo

from stage_ci.adapters.git_http import ForbiddenError, SmartHttpClient
from stage_ci.adapters.git_objects import build_commit, replace_blob, text_objects
from stage_ci.errors import (
    InfrastructureAccessDenied,
    InfrastructureUnavailable,
    InvalidManifest,
    ManifestMissing,
    StageError,
)
from stage_ci.rules.credentials import without_line_break

EXCHANGE_LIMIT: Final = 60.0  # seconds for one exchange with the server
_SHOWN: Final = 300  # characters of the server's output in an error
# Bytes from which a file is not fetched, if the server supports partial clones: charts and dashboards beside the
# manifest may be large (https://git-scm.com/docs/git-rev-list, --filter=blob:limit).
LARGE_FILE: Final = 2 * 1024 * 1024
_REGULAR_FILES: Final = (0o100644, 0o100755)
# The ref statuses with which git and the hosting services report that another writer was faster; any other status
# rejects the push itself.
_CONFLICTS: Final = (
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
    """The tip of a branch, from which files are read and on which a commit is made.

    Attributes:
        commit: The ID of the tip.
        store: The objects of the tip.
        tree: The ID of its root tree.
    """

    commit: str
    store: BaseObjectStore
    tree: ObjectID

    def read(self, filename: str) -> bytes:
        """Return the content of a file.

        Args:
            filename: The path relative to the repository's root.

        Raises:
            ManifestMissing: if there is no such file, or if it is a folder, a link or a submodule.
            InvalidManifest: if it is so large that it was not fetched.
        """
        try:
            mode, sha = tree_lookup_path(self.store.__getitem__, self.tree, filename.encode())
        except (KeyError, NotTreeError, SubmoduleEncountered, ValueError) as error:
            raise ManifestMissing(f"{filename} is not in the infrastructure repository") from error
        if mode not in _REGULAR_FILES:
            raise ManifestMissing(f"{filename} is not a regular file of the infrastructure repository")
        if sha not in self.store:
            raise InvalidManifest(f"{filename} has at least {LARGE_FILE} bytes, which is too large for a manifest")
        blob = self.store[sha]
        assert isinstance(blob, Blob)  # noqa: S101 - a regular file is a blob
        return blob.data


class RefConflict(Exception):  # noqa: N818 - not an error: the caller reads the ref again and retries
    """Another writer changed the ref first, so nothing was written."""


class Infrastructure:
    """One infrastructure repository on a git server.

    Args:
        url: The URL of the repository: https, http or git, without credentials.
        token: The token, sent as the password of every HTTP request; None for anonymous access. Line breaks at its end
            are removed.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = url
        self._token = without_line_break(token) if token else None

    async def refs(self, *prefixes: str) -> dict[str, str]:
        """Return the refs whose names begin with one of ``prefixes``, each with the ID of its object.

        A server that speaks protocol version 2 sends no others (https://git-scm.com/docs/protocol-v2, "ls-refs"), so
        the claims of other images cost nothing.

        Raises:
            InfrastructureAccessDenied: if the token has no read access, or if the repository does not exist.
            InfrastructureUnavailable: if the server does not answer in time.
        """

        def read(client: GitClient, path: str) -> dict[str, str]:
            found = client.get_refs(path.encode(), ref_prefix=[prefix.encode() for prefix in prefixes]).refs
            names = {name.decode(): sha.decode() for name, sha in found.items() if sha is not None}
            return {name: sha for name, sha in names.items() if name.startswith(prefixes)}

        return await self._exchange(read)

    async def snapshot(self, branch: str) -> Snapshot:
        """Fetch the current tip of ``branch`` without its history and without large files.

        Raises:
            InfrastructureAccessDenied: if the token has no read access, or if the branch does not exist.
            InfrastructureUnavailable: if the server does not answer in time.
        """
        ref = Ref(f"refs/heads/{branch}".encode())

        def fetch(client: GitClient, path: str) -> Snapshot:
            tip, store = _fetch_tip(client, path, ref)
            if tip is None:
                raise InfrastructureAccessDenied(
                    f"the infrastructure repository has no branch {branch}", remedy="check --infra-branch"
                )
            commit = store[tip]
            assert isinstance(commit, Commit)  # noqa: S101 - the tip of a branch is a commit
            return Snapshot(tip.decode(), store, commit.tree)

        return await self._exchange(fetch)

    async def read(self, ref: str) -> str | None:
        """Return the text that ``create`` wrote to ``ref``; None if there is no such ref.

        Raises:
            InfrastructureAccessDenied: if the token has no read access.
            InfrastructureUnavailable: if the server does not answer in time.
        """

        def fetch(client: GitClient, path: str) -> str | None:
            tip, store = _fetch_tip(client, path, Ref(ref.encode()))
            commit = store[tip] if tip else None
            if isinstance(commit, Commit):
                return str(commit.message, "utf-8", "replace")
            return "" if commit else None

        return await self._exchange(fetch)

    async def create(self, ref: str, text: str) -> None:
        """Create ``ref`` at ``text_object(text)``.

        Raises:
            RefConflict: if the ref exists already.
            InfrastructureAccessDenied: if the server rejects the push.
            InfrastructureUnavailable: if the server does not answer in time.
        """
        objects = text_objects(text)
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
        commit = build_commit(trees[-1].id, message, int(time.time()), parents=[parent])
        await self._push(Ref(f"refs/heads/{branch}".encode()), parent, commit.id, [blob, *trees, commit])
        return commit.id.decode()

    async def _push(self, ref: Ref, expected: bytes, new: ObjectID, objects: list[ShaFile]) -> None:
        def update(refs: dict[Ref, ObjectID]) -> dict[Ref, ObjectID]:
            if refs.get(ref, ZERO_SHA) != expected:
                raise RefConflict
            return {ref: new}

        def pack(*_: object, **__: object) -> tuple[int, Iterator[UnpackedObject]]:
            return pack_objects_to_data([(item, None) for item in objects])

        output = bytearray()

        def send(client: GitClient, path: str) -> str | None:
            result = client.send_pack(path.encode(), update, pack, progress=output.extend)
            return (result.ref_status or {}).get(ref)

        status = await self._exchange(send)  # None if the ref was updated
        if status and any(words in status.lower() for words in _CONFLICTS):
            raise RefConflict
        if status:
            reason = f"{status} {_excerpt(output.decode(errors='replace'))}".rstrip()
            raise InfrastructureAccessDenied(f"the git server refused to update {ref.decode()}: {reason}")

    async def _exchange(self, operation: Callable[[GitClient, str], T]) -> T:
        def work() -> T:
            with _translate_errors(self.url):
                return operation(*self._client())

        with anyio.move_on_after(EXCHANGE_LIMIT):
            return await _run_in_daemon_thread(work)
        raise InfrastructureUnavailable(f"{self.url} did not answer within {EXCHANGE_LIMIT:.0f} s")

    def _client(self) -> tuple[GitClient, str]:
        parts = urlsplit(self.url)
        if parts.scheme in ("http", "https"):
            return SmartHttpClient(self.url, self._token, EXCHANGE_LIMIT), parts.path
        return get_transport_and_path(self.url)


def _fetch_tip(client: GitClient, path: str, ref: Ref) -> tuple[ObjectID | None, BaseObjectStore]:
    """Fetch the object of a ref without its history and without large files; return its ID, None if there is none."""
    repo = MemoryRepo()

    def wanted(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001
        return [refs[ref]] if ref in refs else []

    blobs = f"blob:limit={LARGE_FILE}".encode()
    refs = client.fetch(path.encode(), repo, wanted, depth=1, ref_prefix=[ref], filter_spec=blobs).refs
    return refs.get(ref), repo.object_store


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


def _excerpt(text: str) -> str:
    """Return ``text`` in one line, without the middle of a long one: a hook may print a banner before its reason."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN // 2]} … {line[-_SHOWN // 2 :]}"


@contextmanager
def _translate_errors(url: str) -> Iterator[None]:
    """Raise the errors of dulwich and of the network as the pipeline's own, without a cause that may hold a header."""
    try:
        yield
    except (StageError, RefConflict):
        raise
    except HTTPUnauthorized:
        raise InfrastructureAccessDenied(f"{url} does not accept the token") from None
    except NotGitRepository:
        raise InfrastructureAccessDenied(f"{url} is not a repository, or the token has no access to it") from None
    except ForbiddenError as error:
        raise InfrastructureAccessDenied(f"{url} denies access: {_excerpt(str(error))}") from None
    except (GitProtocolError, HangupException, OSError) as error:
        text = str(error)
        if "access denied" in text:  # git daemon's words for a repository that it does not export
            raise InfrastructureAccessDenied(f"{url} denies access: {text}") from None
        raise InfrastructureUnavailable(f"the git request to {url} failed: {type(error).__name__} {text}") from None
    except Exception as error:  # noqa: BLE001 - dulwich: ValueError, AssertionError, zlib.error and more
        raise InfrastructureUnavailable(f"the git request to {url} failed: {type(error).__name__}") from None
