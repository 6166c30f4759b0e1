"""The infrastructure repository on a real git daemon."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from stage_ci.adapters.git_objects import text_object
from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.errors import InfrastructureAccessDenied, InfrastructureUnavailable, ManifestMissing

if TYPE_CHECKING:
    from tests.servers.git import GitRepository

MANIFEST: Final = "manifests/default/svm.yaml"
CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"


async def conflicts(infrastructure: Infrastructure, ref: str, text: str) -> bool:
    """Create a ref; return whether another writer was faster."""
    try:
        await infrastructure.create(ref, text)
    except RefConflict:
        return True
    return False


async def test_a_server_that_hangs_up_leaves_no_connection_open() -> None:
    """If a server hangs up before its first line, the error says so, and the connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(InfrastructureUnavailable, match="closed the connection"):
            await Infrastructure(f"git://127.0.0.1:{server.getsockname()[1]}/owner/infra.git").refs("refs/")
        thread.join()
    gc.collect()  # pytest turns what it finds into an error


async def test_refs_are_all_refs_with_their_objects(repository: GitRepository) -> None:
    """The refs of a repository include branches and claims, each with the ID of its object."""
    repository.git("update-ref", CLAIM, "main")
    refs = await Infrastructure(repository.url).refs("refs/")
    tip = repository.git("rev-parse", "main").strip()
    assert refs["refs/heads/main"] == tip
    assert refs[CLAIM] == tip


async def test_an_empty_repository_has_no_refs(repository: GitRepository) -> None:
    """A repository without commits and claims has no refs."""
    repository.git("update-ref", "-d", "refs/heads/main")
    assert await Infrastructure(repository.url).refs("refs/") == {}


async def test_a_snapshot_is_the_tip_of_the_branch(repository: GitRepository) -> None:
    """A snapshot holds the files of the branch's latest commit, byte for byte."""
    tip = repository.push({MANIFEST: "image: é\r\n\tlast line without end"})
    snapshot = await Infrastructure(repository.url).snapshot("main", MANIFEST)
    assert snapshot.commit == tip
    assert snapshot.read(MANIFEST) == (repository.work / MANIFEST).read_bytes()


async def test_every_snapshot_is_fetched_again(repository: GitRepository) -> None:
    """A commit that lands between two snapshots is in the second one."""
    infrastructure = Infrastructure(repository.url)
    first = await infrastructure.snapshot("main", MANIFEST)
    tip = repository.push({MANIFEST: "image: two\n"})
    second = await infrastructure.snapshot("main", MANIFEST)
    assert (first.commit != tip, second.commit) == (True, tip)


async def test_a_branch_name_may_contain_a_slash(repository: GitRepository) -> None:
    """A snapshot of a branch such as env/staging holds the tip of that branch, not of main."""
    repository.git("branch", "env/staging", "main")
    tip = repository.push({MANIFEST: "image: two\n"})
    assert (await Infrastructure(repository.url).snapshot("env/staging", MANIFEST)).commit != tip


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    "filename", ["absent.yaml", "manifests/absent/svm.yaml", f"{MANIFEST}/below", "", "..", "../work/README.md"]
)
async def test_a_missing_file_is_an_error(repository: GitRepository, filename: str) -> None:
    """Reading a path that is not in the tree, or leads out of it, raises ManifestMissing with the path."""
    snapshot = await Infrastructure(repository.url).snapshot("main", filename)
    with pytest.raises(ManifestMissing, match=filename or "is not"):
        snapshot.read(filename)


@pytest.mark.fault(19)
@pytest.mark.parametrize("filename", ["manifests", "manifests/default", "link.yaml", "linked", "module"])
async def test_only_regular_files_are_read(repository: GitRepository, filename: str) -> None:
    """Reading a folder, a symbolic link or a submodule raises ManifestMissing."""
    snapshot = await Infrastructure(repository.url).snapshot("main", filename)
    with pytest.raises(ManifestMissing, match=f"{filename} is not a regular file"):
        snapshot.read(filename)


@pytest.mark.fault(19)
@pytest.mark.parametrize("filename", ["linked/default/svm.yaml", "module/svm.yaml"])
async def test_links_and_submodules_are_not_followed(repository: GitRepository, filename: str) -> None:
    """Reading a path through a symbolic link or a submodule raises ManifestMissing."""
    snapshot = await Infrastructure(repository.url).snapshot("main", filename)
    with pytest.raises(ManifestMissing, match=f"{filename} is not"):
        snapshot.read(filename)


async def test_the_parent_of_a_commit_is_the_snapshot(repository: GitRepository) -> None:
    """A commit has the snapshot as parent, keeps its message as given, and leaves the repository valid for git fsck."""
    infrastructure = Infrastructure(repository.url)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    commit = await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "Grüße\n\nTwo: lines\n")
    assert repository.git("rev-parse", "main", "main^").split() == [commit, snapshot.commit]
    assert repository.git("show", f"main:{MANIFEST}") == "image: two\n"
    assert repository.git("log", "-1", "--format=%B", "main").rstrip("\n") == "Grüße\n\nTwo: lines"
    assert "missing" not in repository.git("fsck", "--full", "--strict", "--no-dangling")


async def test_a_commit_changes_one_file(repository: GitRepository) -> None:
    """A commit changes one file; every other file, link and submodule keeps its content and mode."""
    before = repository.git("ls-tree", "-r", "main").splitlines()
    infrastructure = Infrastructure(repository.url)
    await infrastructure.commit(
        await infrastructure.snapshot("main", MANIFEST), "main", MANIFEST, b"image: two\n", "two"
    )
    after = repository.git("ls-tree", "-r", "main").splitlines()
    assert [line for line in before if MANIFEST not in line] == [line for line in after if MANIFEST not in line]
    assert repository.git("diff", "--name-only", "main^", "main") == f"{MANIFEST}\n"


@pytest.mark.parametrize("filename", ["apply.sh", "README.md"])
async def test_a_file_keeps_its_mode(repository: GitRepository, filename: str) -> None:
    """A changed file keeps its mode, such as that of an executable."""
    mode = repository.git("ls-tree", "main", filename).split()[0]
    infrastructure = Infrastructure(repository.url)
    await infrastructure.commit(await infrastructure.snapshot("main", filename), "main", filename, b"echo\n", "two")
    assert repository.git("ls-tree", "main", filename).split()[0] == mode


@pytest.mark.fault(16)
async def test_a_branch_that_moved_is_not_overwritten(repository: GitRepository) -> None:
    """A commit on an outdated snapshot raises RefConflict, and the commit that landed first stays."""
    infrastructure = Infrastructure(repository.url)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    tip = repository.push({"README.md": "faster\n"})
    with pytest.raises(RefConflict):
        await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(16)
async def test_of_twenty_commits_on_one_snapshot_one_lands(repository: GitRepository) -> None:
    """Of twenty concurrent commits on one snapshot, exactly one lands."""
    infrastructure = Infrastructure(repository.url)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    landed: list[str] = []

    async def commit(number: int) -> None:
        with contextlib.suppress(RefConflict):
            content = f"image: {number}\n".encode()
            landed.append(await infrastructure.commit(snapshot, "main", MANIFEST, content, f"{number}"))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(commit, number)
    assert repository.git("rev-list", "--first-parent", "main").split() == [*landed, snapshot.commit]
    assert len(landed) == 1


async def test_a_claim_points_at_the_object_of_its_text(repository: GitRepository) -> None:
    """A claim points at an object whose ID is computed from its text, without fetching it."""
    await Infrastructure(repository.url).create(CLAIM, "claim a version\n")
    assert (await Infrastructure(repository.url).refs("refs/"))[CLAIM] == text_object("claim a version\n")
    assert repository.git("log", "-1", "--format=%B", CLAIM).strip() == "claim a version"
    assert "missing" not in repository.git("fsck", "--full", "--strict", "--no-dangling")


def test_the_object_of_a_claim_depends_on_its_text_alone() -> None:
    """Equal texts give the same object at any time on any machine, and different texts give different objects."""
    assert text_object("a") == text_object("a") != text_object("b")


async def test_a_repository_without_branches_accepts_claims(repository: GitRepository) -> None:
    """A claim can be created in a repository without any branch."""
    repository.git("update-ref", "-d", "refs/heads/main")
    await Infrastructure(repository.url).create(CLAIM, "claim\n")
    assert await Infrastructure(repository.url).refs("refs/") == {CLAIM: text_object("claim\n")}


@pytest.mark.fault(11)
@pytest.mark.parametrize("text", ["claim of another\n", "claim\n"])
async def test_a_ref_is_created_once(repository: GitRepository, text: str) -> None:
    """Creating a ref that exists raises RefConflict, even if it would have the same content."""
    infrastructure = Infrastructure(repository.url)
    await infrastructure.create(CLAIM, "claim\n")
    with pytest.raises(RefConflict):
        await infrastructure.create(CLAIM, text)
    assert (await infrastructure.refs("refs/"))[CLAIM] == text_object("claim\n")


@pytest.mark.fault(11)
async def test_of_twenty_concurrent_claims_one_wins(repository: GitRepository) -> None:
    """Of twenty concurrent claims of one ref, one wins and nineteen raise RefConflict."""
    infrastructure = Infrastructure(repository.url)
    lost: list[int] = []

    async def create(number: int) -> None:
        if await conflicts(infrastructure, CLAIM, f"claim {number}\n"):
            lost.append(number)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(create, number)
    (winner,) = set(range(20)) - set(lost)
    assert (await infrastructure.refs("refs/"))[CLAIM] == text_object(f"claim {winner}\n")


@pytest.mark.fault(18)
async def test_a_missing_branch_is_denied_access(repository: GitRepository) -> None:
    """A missing branch is an error that is not retried and names the branch and its flag."""
    with pytest.raises(InfrastructureAccessDenied, match="no branch production; check --infra-branch"):
        await Infrastructure(repository.url).snapshot("production", MANIFEST)


@pytest.mark.fault(18)
async def test_a_branch_of_an_empty_repository_is_missing(repository: GitRepository) -> None:
    """A snapshot of a repository without commits fails as a missing branch."""
    repository.git("update-ref", "-d", "refs/heads/main")
    with pytest.raises(InfrastructureAccessDenied, match="no branch main"):
        await Infrastructure(repository.url).snapshot("main", MANIFEST)


@pytest.mark.fault(18)
async def test_a_missing_repository_is_denied_access(repository: GitRepository) -> None:
    """Every operation on a missing repository fails with an error that names the repository."""
    infrastructure = Infrastructure(repository.url.replace("infra.git", "absent.git"))
    for operation in (
        infrastructure.refs("refs/"),
        infrastructure.snapshot("main", MANIFEST),
        infrastructure.create(CLAIM, "claim\n"),
    ):
        with pytest.raises(InfrastructureAccessDenied, match=r"absent\.git"):
            await operation


@pytest.mark.fault(18)
@pytest.mark.parametrize("hook", ["pre-receive", "update"])
async def test_the_output_of_a_hook_is_in_the_error(repository: GitRepository, hook: str) -> None:
    """A push that a hook rejects fails with the hook's output, such as the reason of a protected branch."""
    repository.hook(hook, "echo 'GH006: Protected branch update failed' >&2; exit 1")
    infrastructure = Infrastructure(repository.url)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    with pytest.raises(InfrastructureAccessDenied, match=r"refs/heads/main.*GH006: Protected branch update failed"):
        await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    assert repository.git("rev-parse", "main").strip() == snapshot.commit


@pytest.mark.fault(18)
async def test_the_output_of_a_hook_is_no_conflict(repository: GitRepository) -> None:
    """A hook that prints the words of a conflict still denies access, because only the status of a ref counts."""
    repository.hook("pre-receive", "echo 'a freeze already exists, fetch first' >&2; exit 1")
    with pytest.raises(InfrastructureAccessDenied):
        await Infrastructure(repository.url).create(CLAIM, "claim\n")
