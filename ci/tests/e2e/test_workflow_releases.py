"""The jobs of the workflows on a runner, with a real engine."""

from pathlib import Path
from typing import Final

import pytest
from cli import IMAGE, Rehearsal
from environment import CREDENTIALS, PASSWORD, TOKEN, USERNAME, Environment
from test_progress import UNTIDY
from tests.servers.git import git
from workflow_runner import REHEARSAL, RELEASE, RESCAN, create_repository, run_job

pytestmark = pytest.mark.slow

SECRETS: Final = {"DOCKER_USERNAME": USERNAME, "DOCKER_PASSWORD": PASSWORD, "TOKEN": TOKEN}


def release_repository(env: Environment, folder: Path) -> Path:
    """Create a repository whose settings select the servers of ``env``, and not the credentials."""
    return create_repository(folder / "service", [flag for flag in env.config if flag not in CREDENTIALS])


def test_a_pull_request_rehearses_the_release(rehearsal: Rehearsal, tmp_path: Path) -> None:
    """The checks and the rehearsal of a pull request pass, and the summary says what would be released."""
    repository = create_repository(tmp_path / "service", rehearsal.config)
    run = run_job(repository, REHEARSAL)
    assert run.status == 0, run.log
    summary = run.summaries[-1]
    assert summary.startswith(f"Rehearsal {rehearsal.name!r}: nothing left this machine\n")
    assert f"Released: docker.io/{IMAGE}:v1.0.1@sha256:" in summary
    assert "v1.0.1" in rehearsal.inspect("tags")


def test_a_red_check_is_in_the_summary(rehearsal: Rehearsal, tmp_path: Path) -> None:
    """A finding of a linter ends a pull request's job at `dagger check`, and is in the summary."""
    repository = create_repository(tmp_path / "service", rehearsal.config)
    (repository / "src" / "service" / "untidy.py").write_text(UNTIDY)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=untidy")
    run = run_job(repository, REHEARSAL)
    assert run.status != 0
    [summary] = run.summaries
    assert "lint: black: /work/src/service/untidy.py" in summary, run.log
    assert "traceparent" not in summary


def test_a_red_rehearsal_is_in_the_summary(rehearsal: Rehearsal, tmp_path: Path) -> None:
    """A deployment manifest that does not exist fails the rehearsal of a pull request, and is in the summary."""
    flags = [*rehearsal.config, "--filename=manifests/absent.yaml"]
    repository = create_repository(tmp_path / "service", flags)
    run = run_job(repository, REHEARSAL)
    assert run.status != 0
    summary = run.summaries[-1]
    assert summary.startswith("\n    Error: "), run.log
    assert "manifests/absent.yaml" in summary
    assert "traceparent" not in summary


def test_a_push_releases(env: Environment, tmp_path: Path) -> None:
    """A push to main releases the pushed commit to the servers of the settings; then the rescan finds it clean."""
    repository = release_repository(env, tmp_path)
    run = run_job(repository, RELEASE, secrets=SECRETS)
    assert run.status == 0, run.log
    [summary] = run.summaries
    digest = env.tags()["v1.0.1"]
    assert summary.startswith(f"Released: docker.io/{env.image}:v1.0.1@{digest}\n")
    record = env.repository.git("log", "-1", "--format=%B", env.ref("records", "v1.0.1"))
    assert f"Revision: {git(repository, 'rev-parse', 'HEAD').strip()}" in record
    assert f"image: {env.image}:v1.0.1 " in env.read_file()

    rescan = run_job(repository, RESCAN, secrets=SECRETS)
    assert rescan.status == 0, rescan.log
    [summary] = rescan.summaries
    assert summary.startswith(f"docker.io/{env.image}:v1.0.1@{digest}\n")


@pytest.mark.parametrize(
    ("secrets", "reason"),
    [
        pytest.param({name: SECRETS[name] for name in SECRETS if name != "TOKEN"}, "TOKEN is empty", id="missing"),
        pytest.param(SECRETS | {"TOKEN": "canary-token-0000"}, "check the token of --infra-token", id="wrong"),
    ],
)
def test_a_red_release_is_in_the_summary(
    env: Environment, tmp_path: Path, secrets: dict[str, str], reason: str
) -> None:
    """With a secret that is missing or wrong, a push releases nothing; the summary has the reason, and no secret."""
    run = run_job(release_repository(env, tmp_path), RELEASE, secrets=secrets)
    assert run.status != 0
    [summary] = run.summaries
    assert summary.startswith("\n    Error: "), run.log
    assert reason in summary
    assert "canary" not in summary
    assert "traceparent" not in summary
    assert (env.tags(), env.claims(), len(env.commits())) == ({}, [], 1)
