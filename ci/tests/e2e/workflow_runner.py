"""The jobs of the workflows, run on this machine by act, https://github.com/nektos/act, in place of GitHub's runner.

The workflows are unchanged. Their actions, which GitHub would download, are the stand-ins of `testdata/actions`.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli import CALL_TIMEOUT, MINIMAL_SERVICE, REPOSITORY, copy_parts
from tests.servers.git import git

ACT: Final = REPOSITORY / ".venv" / "bin" / "act"
STAND_INS: Final = Path(__file__).parent / "testdata" / "actions"
# What a service needs of this repository if the module and the workflows lie in its own.
PARTS: Final = (".github", "dagger.json", "ci/pyproject.toml", "ci/requirements.lock", "ci/src", "examples/infra")
# The part of an event that the workflows, or act's variables of a job, are computed from.
EVENTS: Final[Mapping[str, dict[str, Any]]] = {
    "push": {},
    "pull_request": {"number": 7, "pull_request": {"base": {"ref": "main"}, "head": {"ref": "topic"}}},
    "schedule": {},
    "workflow_dispatch": {},
}


@dataclass(frozen=True)
class Job:
    """A job of a workflow, and the event that it runs for.

    Attributes:
        workflow: The name of the workflow's file.
        name: The key of the job.
        event: The name of the event, one of `EVENTS`.
    """

    workflow: str
    name: str
    event: str


REHEARSAL: Final = Job("checks.yaml", "rehearsal", "pull_request")
RELEASE: Final = Job("stage.yaml", "stage", "push")
RESCAN: Final = Job("rescan.yaml", "rescan", "schedule")
LISTS: Final = ("trivy-db", "trivy-java-db")  # the settings of several values


@dataclass(frozen=True)
class JobRun:
    """The result of a job.

    Attributes:
        status: Exit status of act: not 0 if the job failed.
        entries: The entries of act's log.
        stderr: What act printed on standard error.
    """

    status: int
    entries: list[dict[str, Any]]
    stderr: str

    @property
    def summaries(self) -> list[str]:
        """The summary of each step that wrote one, as GitHub would show them below each other."""
        return [entry["content"] for entry in self.entries if entry.get("command") == "summary"]

    @property
    def output(self) -> str:
        """What the steps printed, without the values of secrets."""
        return "".join(entry["msg"] for entry in self.entries if entry.get("raw_output"))

    @property
    def log(self) -> str:
        """The messages of act and of the steps, for a test that fails."""
        return "\n".join([*(entry["msg"].rstrip() for entry in self.entries), self.stderr])


def create_repository(folder: Path, flags: Iterable[str] = ()) -> Path:
    """Create a repository of the minimal service with the module, the workflows and one commit on main.

    Args:
        folder: A folder that does not exist.
        flags: Flags of the module's constructor; the repository's `.env` has them as settings.
    """
    shutil.copytree(MINIMAL_SERVICE, folder)
    copy_parts(folder, PARTS)
    (folder / ".env").write_text("".join(map(_setting, flags)))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "remote", "add", "origin", "https://github.com/acme/service.git")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=first")
    return folder


def run_job(repository: Path, job: Job, *, secrets: Mapping[str, str] | None = None, path: str = "") -> JobRun:
    """Run a job in a repository, for an event of the current branch, and wait for it.

    Args:
        repository: A repository of `create_repository`.
        job: The job.
        secrets: The secrets of the job's environment.
        path: Folders to search for programs before those of PATH.
    """
    state = repository.with_name(f"{repository.name}-act")
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    (state / "event.json").write_text(json.dumps(EVENTS[job.event]))
    # In a file, because all variables of act's environment would be variables of the job. With an empty token, act asks
    # no other program for one.
    (state / "secrets.yaml").write_text(json.dumps({"GITHUB_TOKEN": "", **(secrets or {})}))
    workflow = repository / ".github" / "workflows" / job.workflow
    command = [
        str(ACT),
        job.event,
        "--json",
        f"--directory={repository}",
        f"--workflows={workflow}",
        f"--job={job.name}",
        "--platform=ubuntu-24.04=-self-hosted",
        "--no-skip-checkout",
        *(
            f"--local-repository={use}={STAND_INS / use.partition('@')[0].partition('/')[2]}"
            for use in _uses(workflow.read_text())
        ),
        f"--eventpath={state / 'event.json'}",
        f"--secret-file={state / 'secrets.yaml'}",
        f"--env=STAND_IN_ORIGIN={repository}",
        f"--env-file={os.devnull}",  # by default, act would set the variables of the repository's .env
        f"--action-cache-path={state / 'cache'}",
        "--no-cache-server",
    ]
    variables = {
        "PATH": os.pathsep.join(filter(None, [path, os.environ["PATH"]])),
        "XDG_CONFIG_HOME": str(state / "config"),  # act writes settings there
        "ACT_DISABLE_VERSION_CHECK": "1",
        "DAGGER_PROGRESS": "plain",  # the CLI's choice on GitHub's runners, whatever this machine's variables say
    }
    done = subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=2 * CALL_TIMEOUT
    )
    entries = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return JobRun(done.returncode, entries, done.stderr)


def _uses(text: str) -> set[str]:
    return set(re.findall(r"uses: (\S+)", text))


def _setting(flag: str) -> str:
    name, _, value = flag.removeprefix("--").partition("=")
    if name in LISTS:
        # Dagger 0.19.10 removes quotes twice before it reads the list as JSON.
        value = f'"\'[\\"{value}\\"]\'"'
    return f"STAGE_CI_{name.replace('-', '').upper()}={value}\n"
