"""Git objects built in memory: the object of a claim or a record, a commit, and the trees above a changed file.

Format: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
"""

from collections.abc import Callable

from dulwich.objects import Commit, ObjectID, ShaFile, Tree

from stage_ci.rules.infrastructure import DEFAULT_COMMITTER, Committer


def text_objects(text: str, committer: Committer = DEFAULT_COMMITTER) -> list[ShaFile]:
    """Return the objects that hold a text: an empty tree and its commit, whose ID depends on the arguments alone.

    A server may accept commits of some committers only, whatever the ref, so this commit has the given one as well.
    """
    empty = Tree()
    return [empty, build_commit(empty.id, text, 0, parents=[], committer=committer)]


def text_object(text: str, committer: Committer = DEFAULT_COMMITTER) -> str:
    """Return the ID of the commit that holds ``text``."""
    return text_objects(text, committer)[-1].id.decode()


def build_commit(
    tree: ObjectID, message: str, seconds: int, parents: list[ObjectID], committer: Committer = DEFAULT_COMMITTER
) -> Commit:
    """Return a commit of the pipeline.

    Args:
        tree: The ID of the root tree.
        message: The commit message.
        seconds: The time of the commit, in seconds since the epoch.
        parents: The IDs of the parent commits.
        committer: The author and committer.
    """
    commit = Commit()
    commit.tree, commit.parents, commit.message = tree, parents, message.encode()
    commit.author = commit.committer = str(committer).encode()
    commit.author_time = commit.commit_time = seconds
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    return commit


def replace_blob(read: Callable[[ObjectID], ShaFile], root: ObjectID, path: list[bytes], blob: ObjectID) -> list[Tree]:
    """Return the trees that change when the file at ``path`` becomes ``blob``, the root tree last.

    Args:
        read: Returns the object with an ID.
        root: The ID of the root tree.
        path: The names of the folders and of the file, which must exist; the file keeps its mode.
        blob: The ID of the new content.
    """
    tree = read(root)
    assert isinstance(tree, Tree)  # noqa: S101 - every name of `path` but the last is a folder
    mode, entry = tree[path[0]]
    below = replace_blob(read, entry, path[1:], blob) if len(path) > 1 else []
    changed = tree.copy()
    assert isinstance(changed, Tree)  # noqa: S101 - copy() keeps the type
    changed[path[0]] = (mode, below[-1].id if below else blob)
    return [*below, changed]
