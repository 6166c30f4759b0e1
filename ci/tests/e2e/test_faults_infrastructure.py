"""A git server that denies access, stalls, loses responses or accepts another push first: a real one behind a proxy.

`tests/unit/steps/test_infrastructure_faults.py` has the other ways to deny access and to lose a response.
"""

import re
import threading
from pathlib import Path
from typing import Final

import pytest
from cli import FILENAME
from environment import GIT_PUSH, TOKEN, Environment, start_environment
from tests.servers.fault_proxy import Exchange, before, loses_the_reply, passes
from tests.servers.loopback import Reply

# What a run reports, by what is wrong.
DENIED: Final = {
    "token": "does not accept the token: HTTP status 401",
    "protected": "the git server refused to update refs/heads/main: ",
    "repository": "/infra/none.git is not a repository, or the token has no access to it: HTTP status 404",
    "branch": "the infrastructure repository has no branch none; check --infra-branch",
}
WRONG_FLAGS: Final = {"repository": ["--infra-repo=infra/none"], "branch": ["--infra-branch=none"]}
# The message is GitHub's. The hook accepts claims and rejects the branch, as branch protection does.
PROTECTED_BRANCH: Final = """while read old new ref; do
    case $ref in refs/heads/*) echo 'GH006: protected branch update failed'; exit 1 ;; esac
done"""


@pytest.mark.slow
@pytest.mark.fault(16)
def test_a_commit_that_lands_first_is_kept(env: Environment, source: Path) -> None:
    """A commit that changes the manifest while the run pushes is kept, and the run's edit is made on top of it."""
    manifest = env.read_file().replace("replicas: 2", "replicas: 3")
    assert manifest != env.read_file()
    other_commit = before(lambda: env.repository.push({FILENAME: manifest, "NOTES.md": "new\n"}))
    env.git_proxy.script(GIT_PUSH, passes, times=1)
    env.git_proxy.script(GIT_PUSH, other_commit, times=1)
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
    assert "replicas: 3" in env.read_file()
    assert env.read_file("NOTES.md") == "new\n"
    assert len(env.commits()) == 1 + 2


@pytest.mark.slow
@pytest.mark.fault(17)
def test_a_newer_release_that_lands_first_is_kept(env: Environment, source: Path) -> None:
    """A newer version that reaches the manifest while the run pushes stays, unless a downgrade is allowed."""
    newer = env.read_file().replace(f"{env.image}:v1.0.0", f"{env.image}:v1.0.7")
    env.git_proxy.script(GIT_PUSH, passes, times=2)  # of the claim and of the record
    env.git_proxy.script(GIT_PUSH, before(lambda: env.repository.push({FILENAME: newer})), times=1)
    release = env.stage(source, "--format=json").release
    assert (release["version"], release["outcome"]) == ("v1.0.1", "superseded")
    assert f"{env.image}:v1.0.7" in env.read_file()
    assert len(env.commits()) == 1 + 1

    downgrade = env.deploy("v1.0.1", "--allow-downgrade")
    assert downgrade.status == 0, downgrade.stderr
    assert f"{env.image}:v1.0.1" in env.read_file()


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    "wrong", [wrong if wrong == "protected" else pytest.param(wrong, marks=pytest.mark.slow) for wrong in DENIED]
)
def test_denied_access_to_the_repository_fails_at_once(registry: str, tmp_path: Path, source: Path, wrong: str) -> None:
    """A stage without access to the repository or to its branch fails without a retry and prints no token."""
    with start_environment(registry, tmp_path, token="another" if wrong == "token" else TOKEN) as env:
        if wrong == "protected":
            env.repository.hook("pre-receive", PROTECTED_BRANCH)
        call = env.stage(source, config=WRONG_FLAGS.get(wrong, []))
        assert call.status != 0
        assert DENIED[wrong] in call.error
        assert "canary" not in call.stdout + call.stderr
        assert len(env.commits()) == 1
        pushes = [line for line in env.git_proxy.lines if re.search(GIT_PUSH, line)]
        # The protection is met after claim and record, which the same server accepts.
        assert len(pushes) == (3 if wrong == "protected" else 0)
        assert list(env.tags()) == (["v1.0.1"] if wrong == "protected" else [])


@pytest.mark.slow
@pytest.mark.fault(28)
def test_a_push_with_a_lost_response_is_not_repeated(env: Environment, source: Path) -> None:
    """If the response to the push of a commit is lost, the run finds that the server accepted it and continues."""
    env.git_proxy.script(GIT_PUSH, passes, times=2)  # of the claim and of the record
    env.git_proxy.script(GIT_PUSH, loses_the_reply, times=1)
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
    assert env.claims() == ["v1.0.1"]
    assert len(env.commits()) == 1 + 1


@pytest.mark.slow
@pytest.mark.fault(28)
def test_a_stalled_git_server_ends_the_run_and_the_next_run_completes_it(env: Environment, source: Path) -> None:
    """A stage gives up on a stalled git server after its time limit, and the next run completes the release."""
    released = threading.Event()

    def stall(_: Exchange) -> Reply:
        released.wait()
        return Reply(reset=True)

    env.git_proxy.script(GIT_PUSH, passes, times=1)
    env.git_proxy.script(GIT_PUSH, stall)
    call = env.stage(source)
    assert call.status != 0
    assert "did not answer within 60 s" in call.error
    assert "run again: the release continues where it stopped" in call.error
    released.set()
    env.git_proxy.lift(GIT_PUSH)
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
    assert len(env.commits()) == 1 + 1


@pytest.mark.fault(29)
def test_a_held_manifest_is_unchanged_until_the_marker_is_removed(env: Environment, source: Path) -> None:
    """A stage publishes but leaves a held manifest unchanged and prints the holder; without the marker it deploys."""
    line = f"image: {env.image}:v1.0.0"
    marker = '  # stage-ci: hold by=alice reason="see #12"'
    held = env.read_file().replace(line, f"{line}{marker}", 1)
    env.repository.push({FILENAME: held})
    call = env.stage(source)
    assert call.status == 0, call.stderr
    assert env.read_file() == held
    summary = call.stdout
    assert f"Held back by a marker in the manifest: docker.io/{env.image}:v1.0.1@sha256:" in summary
    assert "alice" in summary
    assert "see #12" in summary
    assert "remove the marker" in summary

    env.repository.push({FILENAME: held.replace(marker, "")})
    env.assert_released(env.stage(source, "--format=json"), "v1.0.1")
