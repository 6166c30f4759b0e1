"""A git server that refuses, stalls, drops the line or lets others write first: git's own behind a scripted proxy."""

import re
import threading
from pathlib import Path

import pytest
from tests.servers.fault_proxy import Exchange, answers, before, loses_the_reply, passes
from tests.servers.loopback import Reply
from user import MANIFEST
from world import PUSH, TOKEN, World, world


@pytest.mark.fault(16)
def test_a_commit_that_lands_first_is_kept(own: World, service: Path) -> None:
    """Somebody else commits to another line of the same file, and to another file, while the run pushes."""
    manifest = own.show().replace("replicas: 2", "replicas: 3")
    assert manifest != own.show()
    theirs = before(lambda: own.repository.push({MANIFEST: manifest, "NOTES.md": "new\n"}))
    own.git.script(PUSH, passes, times=1)
    own.git.script(PUSH, theirs, times=1)
    own.require(own.stage(service, "--format=json"), "v1.0.1")
    assert "replicas: 3" in own.show()
    assert own.show("NOTES.md") == "new\n"
    assert len(own.commits()) == 1 + 2


@pytest.mark.fault(17)
def test_a_newer_release_that_lands_first_stays(own: World, service: Path) -> None:
    """The manifest names v1.0.7 when the run pushes: it goes back for no older one."""
    newer = own.show().replace(f"{own.image}:v1.0.0", f"{own.image}:v1.0.7")
    own.git.script(PUSH, passes, times=1)
    own.git.script(PUSH, before(lambda: own.repository.push({MANIFEST: newer})), times=1)
    release = own.stage(service, "--format=json").release
    assert (release["version"], release["outcome"]) == ("v1.0.1", "superseded")
    assert f"{own.image}:v1.0.7" in own.show()
    assert len(own.commits()) == 1 + 1

    back = own.deploy("v1.0.1", "--allow-downgrade")
    assert back.status == 0, back.stderr
    assert f"{own.image}:v1.0.1" in own.show()


@pytest.mark.fault(18)
@pytest.mark.parametrize("wrong", ["token", "rights", "protected", "repository"])
def test_who_may_not_deploy_is_told_at_once(registry: str, tmp_path: Path, service: Path, wrong: str) -> None:
    """Nothing is published, nothing is tried again, and the token is in no message."""
    token = {"token": "another"}.get(wrong, TOKEN)
    with world(registry, tmp_path, token=token) as own:
        if wrong == "rights":
            own.git.script(r"service=git-receive-pack$", answers(403, b"write access to repository not granted"))
        if wrong == "protected":
            own.repository.hook("pre-receive", PROTECTED)
        arguments = ["--infra-repo=infra/none"] if wrong == "repository" else []
        call = own.stage(service, *arguments)
        assert call.status != 0
        assert re.search("does not accept the token|denies access|is not a repository|protected branch", call.error)
        assert "check the token, the repository's name and the branch's protection" in call.error
        assert "canary" not in call.stdout + call.stderr
        assert own.commits() == own.commits()[-1:]
        asked = [line for line in own.git.lines if line.startswith("POST")]
        assert len([line for line in asked if re.search(PUSH, line)]) <= 2
        assert wrong == "protected" or own.tags() == {}


# As hosting services say it: claims may be written, the branch may not.
PROTECTED = """while read old new ref; do
    case $ref in refs/heads/*) echo 'GH006: protected branch update failed'; exit 1 ;; esac
done"""


@pytest.mark.fault(28)
@pytest.mark.parametrize("which", ["claim", "commit"])
def test_a_push_whose_answer_is_lost_is_no_second_release(own: World, service: Path, which: str) -> None:
    """The server did what it was asked, and the answer got lost: the run looks, and goes on."""
    own.git.script(PUSH, passes, times=int(which == "commit"))
    own.git.script(PUSH, loses_the_reply, times=1)
    own.require(own.stage(service, "--format=json"), "v1.0.1")
    assert own.claims() == ["v1.0.1"]
    assert len(own.commits()) == 1 + 1


@pytest.mark.long
@pytest.mark.fault(28)
def test_a_git_server_that_stalls_is_left_and_the_next_run_finishes(own: World, service: Path) -> None:
    """A minute for one exchange and two for all of them; then the run says to run again."""
    over = threading.Event()

    def stall(_: Exchange) -> Reply:
        over.wait()
        return Reply(reset=True)

    own.git.script(PUSH, passes, times=1)
    own.git.script(PUSH, stall)
    call = own.stage(service)
    assert call.status != 0
    assert "did not answer within 60 s" in call.error
    assert "run again: the release continues where it stopped" in call.error
    over.set()
    own.git.lift(PUSH)
    own.require(own.stage(service, "--format=json"), "v1.0.1")
    assert len(own.commits()) == 1 + 1


@pytest.mark.fault(29)
def test_a_held_manifest_stays_and_says_who_holds_it(own: World, service: Path) -> None:
    """The image is published all the same; once the marker is gone, the next run names it."""
    line = f"image: {own.image}:v1.0.0"
    held = own.show().replace(line, f'{line}  # stage-ci: hold by=alice reason="see #12"', 1)
    own.repository.push({MANIFEST: held})
    call = own.stage(service, "--format=json")
    assert (call.release["version"], call.release["outcome"]) == ("v1.0.1", "held")
    assert own.show() == held
    told = own.stage(service).stdout
    assert "alice" in told
    assert "see #12" in told
    assert "remove the marker" in told

    own.repository.push({MANIFEST: held.replace('  # stage-ci: hold by=alice reason="see #12"', "")})
    own.require(own.stage(service, "--format=json"), "v1.0.1")
