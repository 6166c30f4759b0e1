"""Fetches of one ref: its commit and the trees below it, and of all files the one that is needed.

If the server supports partial clones, it sends no other file (https://git-scm.com/docs/partial-clone). Otherwise it
sends all files of the commit, which are kept on disk until the one is read.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

from dulwich.client import GitClient
from dulwich.errors import NotTreeError
from dulwich.object_store import MemoryObjectStore, tree_lookup_path
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, SubmoduleEncountered
from dulwich.refs import Ref
from dulwich.repo import BaseRepo, MemoryRepo, Repo

from stage_ci.adapters.git_http import RemoteError
from stage_ci.errors import InvalidManifest, ManifestMissing, UnsupportedRepository

# The bytes, compressed, from which a file is not fetched if the server supports partial clones.
LARGE_FILE: Final = 2 * 1024 * 1024
_REGULAR_FILES: Final = (0o100644, 0o100755)
_SHA1_LENGTH: Final = 40  # hexadecimal digits; SHA-256 has 64 (gitformat-pack(5))
_NO_FILE: Final = (KeyError, NotTreeError, SubmoduleEncountered, ValueError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tip of a branch, of which one file is read and on which a commit is made.

    Attributes:
        commit: The ID of the tip.
        store: The objects that lead from the tip to the file.
        tree: The ID of its root tree.
    """

    commit: str
    store: Mapping[ObjectID, ShaFile]
    tree: ObjectID

    def read(self, filename: str) -> bytes:
        """Return the content of the file.

        Args:
            filename: The path relative to the repository's root.

        Raises:
            ManifestMissing: if there is no such file, or if it is a folder, a link or a submodule.
        """
        try:
            mode, sha = tree_lookup_path(lambda each: self.store[ObjectID(each)], self.tree, filename.encode())
        except _NO_FILE as error:
            raise ManifestMissing(f"{filename} is not in the infrastructure repository") from error
        if mode not in _REGULAR_FILES:
            raise ManifestMissing(f"{filename} is not a regular file of the infrastructure repository")
        blob = self.store[sha]
        assert isinstance(blob, Blob)  # noqa: S101 - a regular file is a blob
        return blob.data


def fetch_message(client: GitClient, path: str, ref: Ref) -> str | None:
    """Return the message of the commit at ``ref``; None if there is no such ref, empty if it is no commit."""

    def fetch(files: bytes | None) -> str | None:
        repo = MemoryRepo()
        tip = _fetch_tip(client, path, repo, ref, files)
        commit = repo.object_store[tip] if tip else None
        if isinstance(commit, Commit):
            return str(commit.message, "utf-8", "replace")
        return "" if commit else None

    return _without_files(fetch)


def fetch_snapshot(client: GitClient, path: str, ref: Ref, filename: str) -> Snapshot | None:
    """Return the tip of ``ref`` with the objects that lead to ``filename``; None if there is no such ref.

    Raises:
        InvalidManifest: if the server supports partial clones and the file is too large.
        UnsupportedRepository: if the repository uses SHA-256, or its server has no shallow clones.
    """
    return _without_files(lambda files: _fetch_snapshot(client, path, ref, filename, files))


def raise_if_sha256(ids: Iterable[bytes]) -> None:
    """Raise if object IDs are longer than those of SHA-1, the only ones that claims and commits are made of.

    Raises:
        UnsupportedRepository: if one is.
    """
    if any(len(each) > _SHA1_LENGTH for each in ids):
        raise UnsupportedRepository(
            "the infrastructure repository has SHA-256 object names, which are not supported",
            remedy="move the deployment manifest to a repository with the object format sha1, git's default",
        )


def _without_files(fetch: Callable[[bytes | None], T]) -> T:
    """Return the result of ``fetch`` for a filter of files, or for None if the server accepts no such filter."""
    try:
        return fetch(b"blob:none")
    except RemoteError:  # a server may support some filters only, or send no file without its commit
        return fetch(None)


def _fetch_snapshot(client: GitClient, path: str, ref: Ref, filename: str, files: bytes | None) -> Snapshot | None:
    with TemporaryDirectory(prefix="stage-ci-git-") as folder, closing(Repo.init_bare(folder)) as repo:
        tip = _fetch_tip(client, path, repo, ref, files)
        if tip is None:
            return None
        objects: dict[ObjectID, ShaFile] = {}

        def read(sha: ObjectID | bytes) -> ShaFile:
            objects[ObjectID(sha)] = repo.object_store[ObjectID(sha)]
            return objects[ObjectID(sha)]

        commit = read(tip)
        assert isinstance(commit, Commit)  # noqa: S101 - the tip of a branch is a commit
        snapshot = Snapshot(tip.decode(), objects, commit.tree)
        try:
            mode, sha = tree_lookup_path(read, commit.tree, filename.encode())
        except _NO_FILE:
            return snapshot
        if mode in _REGULAR_FILES:
            fetched = sha in repo.object_store
            objects[sha] = read(sha) if fetched else _fetch_file(client, path, sha, ref, filename)
        return snapshot


def _fetch_tip(client: GitClient, path: str, repo: BaseRepo, ref: Ref, objects: bytes | None) -> ObjectID | None:
    """Fetch the object of a ref without its history into ``repo``; return its ID, None if there is no such ref."""

    def wanted(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001
        raise_if_sha256(refs.values())
        return [refs[ref]] if ref in refs else []

    fetched = client.fetch(path.encode(), repo, wanted, depth=1, ref_prefix=[ref], filter_spec=objects)
    return fetched.refs.get(ref)


def _fetch_file(client: GitClient, path: str, sha: ObjectID, ref: Ref, filename: str) -> ShaFile:
    """Fetch one file by its ID, which a server that supports partial clones allows."""
    store, pack = MemoryObjectStore(), BytesIO()

    def receive(data: bytes) -> int:
        if pack.tell() + len(data) > LARGE_FILE:
            raise InvalidManifest(f"{filename} has more than {LARGE_FILE} bytes, which is too large for a manifest")
        return pack.write(data)

    client.fetch_pack(path.encode(), lambda *_, **__: [sha], MemoryRepo().get_graph_walker(), receive, ref_prefix=[ref])
    pack.seek(0)
    store.add_thin_pack(pack.read, None)
    return store[sha]
