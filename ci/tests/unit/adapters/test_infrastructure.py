"""The infrastructure repository as a git remote, behind a real git daemon."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from stage_ci.adapters.infrastructure import Infrastructure, RefConflict, claim_object
from stage_ci.errors import InfrastructureAccessDenied, ManifestMissing

if TYPE_CHECKING:
    from tests.servers.git import GitRepository

MANIFEST: Final = "manifests/default/svm.yaml"
CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"


async def raced(infrastructure: Infrastructure, ref: str, text: str) -> bool:
    """Try to create a ref; return whether another writer was faster."""
    try:
        await infrastructure.create(ref, text)
    except RefConflict:
        return True
    return False


async def test_refs_are_all_refs_with_their_objects(repository: GitRepository) -> None:
    """Branches and claims alike: whoever reads them needs no second question."""
    repository.git("update-ref", CLAIM, "main")
    refs = await Infrastructure(repository.url).refs()
    tip = repository.git("rev-parse", "main").strip()
    assert refs["refs/heads/main"] == tip
    assert refs[CLAIM] == tip


async def test_refs_of_an_empty_repository_are_none(repository: GitRepository) -> None:
    """Nobody has committed or claimed anything yet."""
    repository.git("update-ref", "-d", "refs/heads/main")
    assert await Infrastructure(repository.url).refs() == {}


async def test_a_snapshot_is_the_tip_of_the_branch(repository: GitRepository) -> None:
    """Its files are those of the latest commit, byte for byte."""
    tip = repository.push({MANIFEST: "image: é\r\n\tlast line without end"})
    snapshot = await Infrastructure(repository.url).snapshot("main")
    assert snapshot.commit == tip
    assert snapshot.read(MANIFEST) == (repository.work / MANIFEST).read_bytes()


async def test_a_snapshot_is_taken_afresh(repository: GitRepository) -> None:
    """A commit that lands between two snapshots is in the second one."""
    infrastructure = Infrastructure(repository.url)
    first = await infrastructure.snapshot("main")
    tip = repository.push({MANIFEST: "image: two\n"})
    second = await infrastructure.snapshot("main")
    assert (first.commit != tip, second.commit) == (True, tip)


async def test_a_snapshot_reads_the_branch_it_is_asked_for(repository: GitRepository) -> None:
    """Branches may have slashes in their names."""
    repository.git("branch", "env/staging", "main")
    tip = repository.push({MANIFEST: "image: two\n"})
    assert (await Infrastructure(repository.url).snapshot("env/staging")).commit != tip


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    "filename", ["absent.yaml", "manifests/absent/svm.yaml", f"{MANIFEST}/below", "", "..", "../work/README.md"]
)
async def test_a_file_that_is_not_there_is_missing(repository: GitRepository, filename: str) -> None:
    """Nothing outside of the tree is read either; the error names the file."""
    snapshot = await Infrastructure(repository.url).snapshot("main")
    with pytest.raises(ManifestMissing, match=filename or "is not"):
        snapshot.read(filename)


@pytest.mark.fault(19)
@pytest.mark.parametrize("filename", ["manifests", "manifests/default", "link.yaml", "linked", "module"])
async def test_what_is_no_regular_file_is_missing(repository: GitRepository, filename: str) -> None:
    """A folder, a link to a file or to a folder, a submodule."""
    snapshot = await Infrastructure(repository.url).snapshot("main")
    with pytest.raises(ManifestMissing, match=f"{filename} is not a regular file"):
        snapshot.read(filename)


@pytest.mark.fault(19)
@pytest.mark.parametrize("filename", ["linked/default/svm.yaml", "module/svm.yaml"])
async def test_no_link_and_no_submodule_is_followed(repository: GitRepository, filename: str) -> None:
    """A path through one names no file of this repository."""
    snapshot = await Infrastructure(repository.url).snapshot("main")
    with pytest.raises(ManifestMissing, match=f"{filename} is not"):
        snapshot.read(filename)


async def test_a_commit_stands_on_the_snapshot(repository: GitRepository) -> None:
    """History goes on: the parent is the tip that was read, and the repository stays sound."""
    infrastructure = Infrastructure(repository.url)
    snapshot = await infrastructure.snapshot("main")
    commit = await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "Grüße\n\nTwo: lines\n")
    assert repository.git("rev-parse", "main", "main^").split() == [commit, snapshot.commit]
    assert repository.git("show", f"main:{MANIFEST}") == "image: two\n"
    assert repository.git("log", "-1", "--format=%B", "main").rstrip("\n") == "Grüße\n\nTwo: lines"
    assert "missing" not in repository.git("fsck", "--full", "--strict", "--no-dangling")


async def test_a_commit_changes_one_file(repository: GitRepository) -> None:
    """Everything else keeps its bytes and its mode: scripts, links, submodules."""
    before = repository.git("ls-tree", "-r", "main").splitlines()
    infrastructure = Infrastructure(repository.url)
    await infrastructure.commit(await infrastructure.snapshot("main"), "main", MANIFEST, b"image: two\n", "two")
    after = repository.git("ls-tree", "-r", "main").splitlines()
    assert [line for line in before if MANIFEST not in line] == [line for line in after if MANIFEST not in line]
    assert repository.git("diff", "--name-only", "main^", "main") == f"{MANIFEST}\n"


@pytest.mark.parametrize("filename", ["apply.sh", "README.md"])
async def test_a_file_keeps_its_mode(repository: GitRepository, filename: str) -> None:
    """An executable file stays one."""
    mode = repository.git("ls-tree", "main", filename).split()[0]
    infrastructure = Infrastructure(repository.url)
    await infrastructure.commit(await infrastructure.snapshot("main"), "main", filename, b"echo\n", "two")
    assert repository.git("ls-tree", "main", filename).split()[0] == mode


@pytest.mark.fault(16)
async def test_a_branch_that_moved_is_not_overwritten(repository: GitRepository) -> None:
    """The commit that landed first stays, and the writer is told to look again."""
    infrastructure = Infrastructure(repository.url)
    snapshot = await infrastructure.snapshot("main")
    tip = repository.push({"README.md": "faster\n"})
    with pytest.raises(RefConflict):
        await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    assert repository.git("rev-parse", "main").strip() == tip


@pytest.mark.fault(16)
async def test_of_twenty_commits_on_one_snapshot_one_lands(repository: GitRepository) -> None:
    """The server compares and swaps, also while all of them are on their way."""
    infrastructure = Infrastructure(repository.url)
    snapshot = await infrastructure.snapshot("main")
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


async def test_a_claim_is_the_object_of_its_text(repository: GitRepository) -> None:
    """Whoever knows the text knows the object, without fetching it."""
    await Infrastructure(repository.url).create(CLAIM, "claim a version\n")
    assert (await Infrastructure(repository.url).refs())[CLAIM] == claim_object("claim a version\n")
    assert repository.git("log", "-1", "--format=%B", CLAIM).strip() == "claim a version"
    assert "missing" not in repository.git("fsck", "--full", "--strict", "--no-dangling")


def test_a_claim_differs_with_its_text() -> None:
    """And with nothing else: neither the time nor the machine."""
    assert claim_object("a") == claim_object("a") != claim_object("b")


async def test_a_claim_can_come_first(repository: GitRepository) -> None:
    """A repository without any branch takes claims."""
    repository.git("update-ref", "-d", "refs/heads/main")
    await Infrastructure(repository.url).create(CLAIM, "claim\n")
    assert await Infrastructure(repository.url).refs() == {CLAIM: claim_object("claim\n")}


@pytest.mark.fault(11)
@pytest.mark.parametrize("text", ["claim of another\n", "claim\n"])
async def test_a_ref_is_created_once(repository: GitRepository, text: str) -> None:
    """The second creator is told so, even when it would have written the same."""
    infrastructure = Infrastructure(repository.url)
    await infrastructure.create(CLAIM, "claim\n")
    with pytest.raises(RefConflict):
        await infrastructure.create(CLAIM, text)
    assert (await infrastructure.refs())[CLAIM] == claim_object("claim\n")


@pytest.mark.fault(11)
async def test_of_twenty_creators_one_gets_through(repository: GitRepository) -> None:
    """Nineteen are told that they lost, and the ref holds the winner's object."""
    infrastructure = Infrastructure(repository.url)
    lost: list[int] = []

    async def create(number: int) -> None:
        if await raced(infrastructure, CLAIM, f"claim {number}\n"):
            lost.append(number)

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(create, number)
    (winner,) = set(range(20)) - set(lost)
    assert (await infrastructure.refs())[CLAIM] == claim_object(f"claim {winner}\n")


@pytest.mark.fault(18)
async def test_a_missing_branch_is_a_refusal(repository: GitRepository) -> None:
    """No retry can mend it; the error says which branch and which flag."""
    with pytest.raises(InfrastructureAccessDenied, match="no branch production; check --infra-branch"):
        await Infrastructure(repository.url).snapshot("production")


@pytest.mark.fault(18)
async def test_a_branch_of_an_empty_repository_is_missing(repository: GitRepository) -> None:
    """A repository that nobody has committed to has no branch at all."""
    repository.git("update-ref", "-d", "refs/heads/main")
    with pytest.raises(InfrastructureAccessDenied, match="no branch main"):
        await Infrastructure(repository.url).snapshot("main")


@pytest.mark.fault(18)
async def test_a_missing_repository_is_a_refusal(repository: GitRepository) -> None:
    """No retry can mend it; the error says which repository."""
    infrastructure = Infrastructure(repository.url.replace("infra.git", "absent.git"))
    for question in (infrastructure.refs(), infrastructure.snapshot("main"), infrastructure.create(CLAIM, "claim\n")):
        with pytest.raises(InfrastructureAccessDenied, match=r"absent\.git"):
            await question


@pytest.mark.fault(18)
@pytest.mark.parametrize("hook", ["pre-receive", "update"])
async def test_a_hook_that_declines_is_a_refusal_in_its_own_words(repository: GitRepository, hook: str) -> None:
    """What the server prints is the reason, such as that of a protected branch."""
    repository.hook(hook, "echo 'GH006: Protected branch update failed' >&2; exit 1")
    infrastructure = Infrastructure(repository.url)
    snapshot = await infrastructure.snapshot("main")
    with pytest.raises(InfrastructureAccessDenied, match=r"refs/heads/main.*GH006: Protected branch update failed"):
        await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    assert repository.git("rev-parse", "main").strip() == snapshot.commit


@pytest.mark.fault(18)
async def test_a_hook_that_speaks_of_what_exists_is_still_a_refusal(repository: GitRepository) -> None:
    """Only the server's verdict on the ref tells a race, not what a hook prints."""
    repository.hook("pre-receive", "echo 'a freeze already exists, fetch first' >&2; exit 1")
    with pytest.raises(InfrastructureAccessDenied):
        await Infrastructure(repository.url).create(CLAIM, "claim\n")
