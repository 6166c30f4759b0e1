"""The jobs of the workflows on a runner, with a `dagger` that prints what a test wants: no engine is needed."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from cli import REPOSITORY
from ruamel.yaml import YAML
from tests.servers.git import git
from workflow_runner import REHEARSAL, RELEASE, RESCAN, STAND_INS, Job, create_repository, run_job

pytestmark = pytest.mark.slow

VERSION: Final[str] = json.loads((REPOSITORY / "dagger.json").read_text())["engineVersion"]
PROGRESS: Final = "1   : connect\n1   : connect DONE [0.0s]\n"
ERROR: Final = (
    "\nError: FunctionError: scan: no <b>database</b> [traceparent:0af7-b7ad]\ntest: 1 failed [traceparent:0af7-00f0]\n"
)
REASONS: Final = "\n    Error: FunctionError: scan: no <b>database</b>\n    test: 1 failed\n"
SECRETS: Final = {"DOCKER_USERNAME": "someone", "DOCKER_PASSWORD": "canary pass", "TOKEN": "canary-token"}
KEY: Final = {"COSIGN_PRIVATE_KEY": "-----BEGIN\ncanary\n-----END\n", "COSIGN_PASSWORD": "canary-key"}
CREDENTIAL_FLAGS: Final = [
    "--docker-username=env://DOCKER_USERNAME",
    "--docker-password=env://DOCKER_PASSWORD",
    "--infra-token=env://TOKEN",
]
SIGNING_FLAGS: Final = ["--signing-key=env://COSIGN_PRIVATE_KEY", "--signing-password=env://COSIGN_PASSWORD"]
# The fake `dagger`.
PROGRAM: Final = """#!{python}
import json, os, pathlib, sys
command, folder = sys.argv[1], pathlib.Path({folder!r})
if command == "version":
    print("dagger {version} (fake) linux/amd64")
    sys.exit()
with (folder / "calls").open("a") as calls:
    print(json.dumps([sys.argv[1:], dict(os.environ), os.listdir()]), file=calls)
answer = folder / command
stdout, stderr, status = json.loads(answer.read_text()) if answer.exists() else ("", "", 0)
sys.stdout.write(stdout)
sys.stderr.write(stderr)
sys.exit(status)
"""


@dataclass(frozen=True)
class Called:
    """A call of the fake `dagger`.

    Attributes:
        words: The words after `dagger`.
        variables: The environment variables.
        files: The names in the working directory.
    """

    words: list[str]
    variables: dict[str, str]
    files: list[str]


@dataclass(frozen=True)
class FakeDagger:
    """A program named `dagger` that answers as a test wants, and notes its calls.

    Attributes:
        folder: The folder of the program.
    """

    folder: Path

    def install(self, version: str = VERSION) -> None:
        """Write the program; without an `answer`, its commands succeed and print nothing."""
        program = self.folder / "dagger"
        program.write_text(PROGRAM.format(python=sys.executable, folder=str(self.folder), version=version))
        program.chmod(0o755)

    def answer(self, command: str, stdout: str = "", stderr: str = "", status: int = 0) -> None:
        """Set what `dagger COMMAND …` prints, and its exit status."""
        (self.folder / command).write_text(json.dumps([stdout, stderr, status]))

    @property
    def calls(self) -> list[Called]:
        """The calls, without `dagger version`."""
        calls = self.folder / "calls"
        return [Called(*json.loads(line)) for line in calls.read_text().splitlines()] if calls.exists() else []

    @property
    def words(self) -> list[list[str]]:
        """The words of the calls, without `dagger version`."""
        return [call.words for call in self.calls]


@pytest.fixture
def dagger(tmp_path: Path) -> FakeDagger:
    """The fake `dagger`, in a folder of its own."""
    folder = tmp_path / "programs"
    folder.mkdir()
    fake = FakeDagger(folder)
    fake.install()
    return fake


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of a service, with the workflows."""
    return create_repository(tmp_path / "service")


def test_a_green_rehearsal_has_its_summary(dagger: FakeDagger, repository: Path) -> None:
    """A pull request runs the checks and a stage without credentials; the summary is what the stage printed."""
    dagger.answer("check", stderr=PROGRESS)
    dagger.answer("call", stdout="Released: owner/app:v1.0.1\n\n    lint  clean\n", stderr=PROGRESS)
    run = run_job(repository, REHEARSAL, secrets=SECRETS, path=str(dagger.folder))
    assert run.status == 0, run.log
    assert dagger.words == [["check"], ["call", "stage"]]
    assert run.summaries == ["Released: owner/app:v1.0.1\n\n    lint  clean\n"]
    assert run.output.count(PROGRESS) == 2
    assert not any(set(SECRETS) & set(call.variables) for call in dagger.calls)


def test_a_red_check_ends_a_rehearsal_with_its_reasons(dagger: FakeDagger, repository: Path) -> None:
    """If a check fails, the stage does not run, and the summary has the reason."""
    dagger.answer("check", stderr=f"{PROGRESS}8   : lint ERROR [2.1s]\n8   : ! FunctionError: lint: black\n", status=1)
    run = run_job(repository, REHEARSAL, path=str(dagger.folder))
    assert run.status == 1, run.log
    assert dagger.words == [["check"]]
    assert run.summaries == ["\n    FunctionError: lint: black\n"]


def test_a_red_rehearsal_has_its_reasons(dagger: FakeDagger, repository: Path) -> None:
    """If the rehearsal fails, the job fails, and the summary has a line for each failed step."""
    dagger.answer("call", stderr=PROGRESS + ERROR, status=1)
    run = run_job(repository, REHEARSAL, path=str(dagger.folder))
    assert run.status == 1, run.log
    assert run.summaries == [REASONS]
    assert PROGRESS + ERROR in run.output


@pytest.mark.parametrize(
    ("secrets", "flags"), [(SECRETS, []), (SECRETS | KEY, SIGNING_FLAGS)], ids=["unsigned", "signed"]
)
def test_a_green_release_has_its_summary(
    dagger: FakeDagger, repository: Path, secrets: dict[str, str], flags: list[str]
) -> None:
    """A push to main releases the pushed commit with the environment's credentials, and signs if there is a key."""
    dagger.answer("call", stdout="Released: owner/app:v1.0.1\n", stderr=PROGRESS)
    run = run_job(repository, RELEASE, secrets=secrets, path=str(dagger.folder))
    assert run.status == 0, run.log
    [call] = dagger.calls
    revision = git(repository, "log", "-1", "--format=%H %cI").strip()
    assert call.words == ["call", *CREDENTIAL_FLAGS, *flags, f"--source-revision={revision}", "stage"]
    assert {name: call.variables[name] for name in SECRETS | KEY} == dict.fromkeys(KEY, "") | secrets
    assert run.summaries == ["Released: owner/app:v1.0.1\n"]


@pytest.mark.parametrize("job", [RELEASE, RESCAN], ids=["stage", "rescan"])
def test_a_red_job_with_credentials_has_its_reasons(dagger: FakeDagger, repository: Path, job: Job) -> None:
    """If a release or a rescan fails, the job fails, and the summary has a line for each reason."""
    dagger.answer("call", stderr=PROGRESS + ERROR, status=1)
    run = run_job(repository, job, secrets=SECRETS, path=str(dagger.folder))
    assert run.status == 1, run.log
    assert run.summaries == [REASONS]


def test_a_green_rescan_has_its_summary(dagger: FakeDagger, repository: Path) -> None:
    """A rescan gets the credentials, and its summary is the report."""
    dagger.answer("call", stdout="owner/app:v1.0.1@sha256:00\n", stderr=PROGRESS)
    run = run_job(repository, RESCAN, secrets=SECRETS, path=str(dagger.folder))
    assert run.status == 0, run.log
    assert dagger.words == [["call", *CREDENTIAL_FLAGS, "rescan"]]
    assert run.summaries == ["owner/app:v1.0.1@sha256:00\n"]


@pytest.mark.parametrize("job", [RELEASE, RESCAN], ids=["stage", "rescan"])
def test_only_main_releases(dagger: FakeDagger, repository: Path, job: Job) -> None:
    """A run that is started by hand calls the module on the branch main, and nothing on another one."""
    by_hand = replace(job, event="workflow_dispatch")
    assert run_job(repository, by_hand, secrets=SECRETS, path=str(dagger.folder)).status == 0
    assert len(dagger.calls) == 1
    git(repository, "switch", "--quiet", "--create", "topic")
    run = run_job(repository, by_hand, secrets=SECRETS, path=str(dagger.folder))
    assert run.status == 0, run.log
    assert (len(dagger.calls), run.summaries) == (1, [])


def test_a_job_runs_in_the_pushed_commit(dagger: FakeDagger, repository: Path) -> None:
    """A job sees the files of the pushed commit, its `.env` with the settings among them, and no others."""
    (repository / "untracked").touch()
    run = run_job(repository, RELEASE, secrets=SECRETS, path=str(dagger.folder))
    assert run.status == 0, run.log
    [call] = dagger.calls
    assert set(call.files) == {path.name for path in repository.iterdir()} - {"untracked"}
    assert ".env" in call.files


def test_another_version_of_the_command_fails_the_job(dagger: FakeDagger, repository: Path) -> None:
    """A job whose dagger command has another version than dagger.json names fails before it calls anything."""
    dagger.install("v0.18.0")
    run = run_job(repository, RELEASE, secrets=SECRETS, path=str(dagger.folder))
    assert run.status == 1, run.log
    assert dagger.calls == []


@pytest.mark.parametrize("job", [REHEARSAL, RELEASE, RESCAN], ids=["rehearsal", "stage", "rescan"])
def test_a_stand_in_has_the_inputs_that_the_workflows_give(job: Job) -> None:
    """Each action of a job has a stand-in that knows all inputs of its step."""
    jobs: dict[str, Any] = YAML(typ="safe").load(REPOSITORY / ".github" / "workflows" / job.workflow)["jobs"]
    steps = [step for step in jobs[job.name]["steps"] if "uses" in step]
    assert steps
    for step in steps:
        action = step["uses"].partition("@")[0].partition("/")[2]
        assert set(step["with"]) <= set(YAML(typ="safe").load(STAND_INS / action / "action.yml")["inputs"])
