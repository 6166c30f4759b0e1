"""The GitHub workflows stay thin, pinned, harmless and true to the tree."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

ROOT: Final = Path(__file__).resolve().parents[3]
WORKFLOWS: Final = sorted((ROOT / ".github/workflows").glob("*.yaml"))
STAGE_TEXT: Final = (ROOT / ".github/workflows/stage.yaml").read_text()
STAGE: Final[dict[str, Any]] = YAML(typ="safe").load(STAGE_TEXT)
CHECKS: Final[dict[str, Any]] = YAML(typ="safe").load(ROOT / ".github/workflows/checks.yaml")
STEPS: Final[list[dict[str, Any]]] = [
    step for workflow in (STAGE, CHECKS) for job in workflow["jobs"].values() for step in job["steps"]
]
# Every `uses:` with all that follows it on its line: the pin and the comment that names its version.
USES: Final = [use for path in WORKFLOWS for use in re.findall(r"uses: *(.+)", path.read_text())]
PINNED: Final = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_the_stage_runs_on_what_decides_the_release() -> None:
    """A push to main that changes the service, its tests or its data, and a person's click; nothing else."""
    assert STAGE["on"] == {
        "push": {
            "branches": ["main"],
            "paths": [
                "src/**",
                "tests/**",
                "data/**",
                "Dockerfile",
                "requirements*",
                ".dockerignore",
            ],
        },
        "workflow_dispatch": None,
    }


@pytest.mark.parametrize("pattern", STAGE["on"]["push"]["paths"])
def test_a_path_of_the_trigger_exists_in_the_tree(pattern: str) -> None:
    """A filter that matches no file would never start the stage: `test/**` did that once."""
    assert any(path.is_file() for path in ROOT.glob(pattern.replace("**", "**/*")))


def test_the_stage_is_one_job_of_one_dagger_call() -> None:
    """All that the stage does is in the module, and runs on a laptop by the same line."""
    assert len(STAGE["jobs"]) == 1
    assert len(re.findall(r"\bdagger +call +stage\b", STAGE_TEXT)) == 1
    assert STAGE_TEXT.count("run:") == 1


def test_the_stage_workflow_fits_on_a_screen() -> None:
    """At most forty lines."""
    assert len(STAGE_TEXT.splitlines()) <= 40


def test_a_running_release_is_never_cancelled() -> None:
    """One release at a time, in one group, whatever was pushed meanwhile."""
    assert STAGE["concurrency"] == {"group": "stage", "cancel-in-progress": False}


def test_a_newer_push_replaces_the_checks_of_a_pull_request() -> None:
    """Checks publish nothing, so the older run is only a wait."""
    assert CHECKS["concurrency"]["cancel-in-progress"] is True


@pytest.mark.parametrize("workflow", [STAGE, CHECKS], ids=["stage", "checks"])
def test_a_workflow_may_only_read_the_repository(workflow: dict[str, Any]) -> None:
    """The workflow's own token writes nothing, and no job widens that."""
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("workflow", [STAGE, CHECKS], ids=["stage", "checks"])
def test_every_job_has_a_time_limit(workflow: dict[str, Any]) -> None:
    """GitHub's own limit is six hours."""
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


def test_credentials_are_in_the_environment_of_the_step_that_calls_the_stage_only() -> None:
    """Each flag names a variable, each variable is filled from the secret of its name, and no other step sees it."""
    variables = re.findall(r"env://(\w+)", STAGE_TEXT)
    assert variables == ["DOCKER_USERNAME", "DOCKER_PASSWORD", "TOKEN"]
    assert [step["env"] for step in STEPS if "env" in step] == [
        {name: f"${{{{ secrets.{name} }}}}" for name in variables}
    ]
    assert STAGE_TEXT.count("secrets.") == len(variables)


def test_a_red_stage_is_a_red_step() -> None:
    """Actions' own default shell has no pipefail: a pipe into tee would turn every failure green."""
    assert all(step.get("shell") == "bash" for step in STEPS if "|" in step.get("run", ""))


def test_pull_requests_see_no_secret() -> None:
    """A pull request rehearses the release, with code that nobody has reviewed yet."""
    assert CHECKS["on"] == "pull_request"
    assert not re.search(r"secrets\b|env://", (ROOT / ".github/workflows/checks.yaml").read_text())


@pytest.mark.parametrize("use", USES)
def test_an_action_is_pinned_by_commit_and_names_its_version(use: str) -> None:
    """A tag can be moved to other code; a commit cannot."""
    assert PINNED.fullmatch(use)


def test_one_action_has_one_pin() -> None:
    """What is raised in one workflow is raised in all."""
    assert len(set(USES)) == len({use.partition("@")[0] for use in USES})


def test_a_checkout_leaves_no_token_behind() -> None:
    """The stage receives the working tree: a token in .git/config would travel with it."""
    checkouts = [step["with"] for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts == [{"persist-credentials": False}] * 3


def test_the_workflows_install_the_module_s_own_version_of_dagger() -> None:
    """The version stands in dagger.json; a client of another version may not load the module."""
    engine = json.loads((ROOT / "dagger.json").read_text())["engineVersion"]
    clients = [step["with"] for step in STEPS if step.get("uses", "").startswith("dagger/dagger-for-github@")]
    assert clients == [{"version": engine}] * 2


def test_the_checks_call_targets_that_the_makefile_has() -> None:
    """What a pull request runs is what a contributor runs."""
    called = [step["run"].split()[1:] for step in STEPS if step.get("run", "").startswith("make ")]
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert called == [["check", "test-unit"]]
    assert targets.issuperset(called[0])


def test_zizmor_has_nothing_to_say() -> None:
    """The strictest persona, without asking the network."""
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    command = [zizmor, "--offline", "--persona=auditor", "--strict-collection", "--no-progress", ".github"]
    audit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr
