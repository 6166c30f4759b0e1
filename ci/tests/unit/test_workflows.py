"""The GitHub workflows are short, pinned and restricted, and name what exists in the repository."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML
from tests.interface import CONSTRUCTOR

from stage_ci.rules.vex import VEX_FILE
from stage_ci.rules.waivers import WAIVERS_FILE

ROOT: Final = Path(__file__).resolve().parents[3]
WORKFLOWS: Final = sorted((ROOT / ".github/workflows").glob("*.yaml"))
STAGE_TEXT: Final = (ROOT / ".github/workflows/stage.yaml").read_text()
STAGE: Final[dict[str, Any]] = YAML(typ="safe").load(STAGE_TEXT)
CHECKS: Final[dict[str, Any]] = YAML(typ="safe").load(ROOT / ".github/workflows/checks.yaml")
RESCAN_TEXT: Final = (ROOT / ".github/workflows/rescan.yaml").read_text()
RESCAN: Final[dict[str, Any]] = YAML(typ="safe").load(RESCAN_TEXT)
STEPS: Final[list[dict[str, Any]]] = [
    step for workflow in (STAGE, RESCAN, CHECKS) for job in workflow["jobs"].values() for step in job["steps"]
]
# The rest of each line that has `uses:`: the pin and the comment that names its version.
USES: Final = [use for path in WORKFLOWS for use in re.findall(r"uses: *(.+)", path.read_text())]
# Words of a command that stand there only if a variable has a value: ${NAME:+WORDS}.
OPTIONAL: Final = re.compile(r"\$\{\w+:\+([^}]*)\}")
PINNED: Final = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def test_the_stage_runs_on_changes_of_the_service() -> None:
    """The stage runs on a push to main that changes the service, its tests, its data or what the scan lets pass."""
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
                ".trivyignore.yaml",
                ".openvex.json",
            ],
        },
        "workflow_dispatch": None,
    }


@pytest.mark.parametrize("pattern", STAGE["on"]["push"]["paths"])
def test_a_path_of_the_trigger_exists_in_the_tree_or_is_read_by_the_scan(pattern: str) -> None:
    """Every path filter of the stage matches a file; one that matches none, such as `test/**`, never starts it.

    The two lists of suppressed findings need not exist: the first finding that is suppressed adds them.
    """
    optional = pattern in {WAIVERS_FILE, VEX_FILE}
    assert optional or any(path.is_file() for path in ROOT.glob(pattern.replace("**", "**/*")))


def test_the_stage_is_one_job_of_one_dagger_call() -> None:
    """The workflow runs one command, `dagger call … stage`, which runs on a laptop as well."""
    assert len(STAGE["jobs"]) == 1
    assert len(re.findall(r"\bdagger +call\b", STAGE_TEXT)) == 1
    command = OPTIONAL.sub(r"\1", STAGE_TEXT)
    assert len(re.findall(r"\bdagger +call( +--[\w=:/-]+(\"[^\"]*\")?)* +stage\b", command)) == 1
    assert STAGE_TEXT.count("run:") == 1


def test_the_flags_of_the_stage_belong_to_the_constructor() -> None:
    """All flags stand before the function's name, where the CLI takes arguments of the module's constructor only."""
    [run] = [step["run"] for job in STAGE["jobs"].values() for step in job["steps"] if "run" in step]
    flags, _, rest = OPTIONAL.sub(r"\1", run).partition(" stage ")
    names = [word.partition("=")[0] for word in shlex.split(flags) if word.startswith("--")]
    assert names
    assert set(names) <= {f"--{name.replace('_', '-')}" for name in CONSTRUCTOR.parameters}
    assert "--" not in rest


@pytest.mark.parametrize("text", [STAGE_TEXT, RESCAN_TEXT], ids=["stage", "rescan"])
def test_a_workflow_with_credentials_fits_on_a_screen(text: str) -> None:
    """The workflows that have credentials have at most forty lines each."""
    assert len(text.splitlines()) <= 40


@pytest.mark.parametrize("workflow", [STAGE, RESCAN], ids=["stage", "rescan"])
def test_only_the_protected_branch_gets_credentials(workflow: dict[str, Any]) -> None:
    """A run that somebody starts by hand on another branch neither releases nor reads a secret."""
    assert [job["if"] for job in workflow["jobs"].values()] == ["github.ref == 'refs/heads/main'"]


def test_what_the_manifest_names_is_scanned_every_day() -> None:
    """A scheduled workflow runs `dagger call … rescan` in an environment of its own, which needs no reviewer."""
    assert RESCAN["on"] == {"schedule": [{"cron": "17 5 * * *"}], "workflow_dispatch": None}
    assert [job["environment"] for job in (*STAGE["jobs"].values(), *RESCAN["jobs"].values())] == ["stage", "rescan"]
    assert len(re.findall(r"\bdagger +call( +--[\w=:/-]+)* +rescan\b", RESCAN_TEXT)) == 1


def test_a_running_release_is_never_cancelled() -> None:
    """Releases run one at a time, and a newer push does not cancel a running one."""
    assert STAGE["concurrency"] == {"group": "stage", "cancel-in-progress": False}


def test_a_newer_push_replaces_the_checks_of_a_pull_request() -> None:
    """A newer push to a pull request cancels the checks of the older one, which publish nothing."""
    assert CHECKS["concurrency"]["cancel-in-progress"] is True


@pytest.mark.parametrize("workflow", [STAGE, RESCAN, CHECKS], ids=["stage", "rescan", "checks"])
def test_a_workflow_may_only_read_the_repository(workflow: dict[str, Any]) -> None:
    """The workflow's own token can only read, and no job extends its permissions."""
    assert workflow["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("workflow", [STAGE, RESCAN, CHECKS], ids=["stage", "rescan", "checks"])
def test_every_job_has_a_time_limit(workflow: dict[str, Any]) -> None:
    """Every job ends after an hour at most; GitHub's default limit is six hours."""
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@pytest.mark.parametrize(
    ("workflow", "text", "optional"),
    [
        pytest.param(STAGE, STAGE_TEXT, ["COSIGN_PRIVATE_KEY", "COSIGN_PASSWORD"], id="stage"),
        pytest.param(RESCAN, RESCAN_TEXT, [], id="rescan"),
    ],
)
def test_credentials_are_in_the_environment_of_the_step_that_calls_the_module_only(
    workflow: dict[str, Any], text: str, optional: list[str]
) -> None:
    """Each flag names a variable of the step, each variable holds the secret of its name, and no other step has one."""
    variables = re.findall(r"env://(\w+)", text)
    assert variables == ["DOCKER_USERNAME", "DOCKER_PASSWORD", "TOKEN", *optional]
    environment = {name: f"${{{{ secrets.{name} }}}}" for name in variables}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["env"] for step in steps if "env" in step] == [environment]
    assert text.count("secrets.") == len(variables)


@pytest.mark.parametrize(
    ("key", "flags"),
    [("", []), ("a\nkey", ["--signing-key=env://COSIGN_PRIVATE_KEY", "--signing-password=env://COSIGN_PASSWORD"])],
    ids=["without", "with"],
)
def test_a_release_is_signed_if_the_environment_has_a_key(tmp_path: Path, key: str, flags: list[str]) -> None:
    """The stage gets the flags of the key if its secret exists; GitHub sets a variable without a secret to nothing."""
    dagger = tmp_path / "dagger"
    dagger.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    dagger.chmod(0o755)
    [run] = [step["run"] for job in STAGE["jobs"].values() for step in job["steps"] if "run" in step]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", run],
        cwd=ROOT,
        env=variables | {"COSIGN_PRIVATE_KEY": key, "COSIGN_PASSWORD": key},
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.splitlines()
    assert [word for word in words if "signing" in word] == flags
    assert (words[0], words[-1]) == ("call", "stage")


def test_a_red_call_is_a_red_step_with_its_reasons() -> None:
    """A step calls dagger through .github/summarize, with no pipe, which would hide a failure from GitHub's shell."""
    calls = [step["run"] for step in STEPS if re.search(r"\bdagger\b", step.get("run", ""))]
    assert len(calls) == 4
    assert all(call.startswith(".github/summarize dagger ") for call in calls)
    assert not any("|" in step.get("run", "") for step in STEPS)


def test_pull_requests_see_no_secret() -> None:
    """The checks of a pull request, which run code that is not reviewed yet, use no secret."""
    assert CHECKS["on"] == "pull_request"
    assert not re.search(r"secrets\b|env://", (ROOT / ".github/workflows/checks.yaml").read_text())


@pytest.mark.parametrize("use", USES)
def test_an_action_is_pinned_by_commit_and_names_its_version(use: str) -> None:
    """Each action is pinned by commit, which cannot move as a tag can, with its version in a comment."""
    assert PINNED.fullmatch(use)


def test_one_action_has_one_pin() -> None:
    """All workflows use the same commit of an action."""
    assert len(set(USES)) == len({use.partition("@")[0] for use in USES})


def test_a_checkout_leaves_no_token_behind() -> None:
    """No checkout writes its token to .git/config, where the other steps of the job could read it."""
    checkouts = [step["with"] for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts == [{"persist-credentials": False}] * 4


def test_the_workflows_install_the_module_s_own_version_of_dagger() -> None:
    """All workflows install the version of Dagger in dagger.json, because another may not load the module."""
    engine = json.loads((ROOT / "dagger.json").read_text())["engineVersion"]
    clients = [step["with"] for step in STEPS if step.get("uses", "").startswith("dagger/dagger-for-github@")]
    assert clients == [{"version": engine}] * 3


def test_the_checks_call_targets_that_the_makefile_has() -> None:
    """A pull request runs Make targets that exist, so that a contributor can run the same."""
    called = [step["run"].split()[1:] for step in STEPS if step.get("run", "").startswith("make ")]
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert called == [["check", "test-unit"]]
    assert targets.issuperset(called[0])


def test_zizmor_finds_no_weakness() -> None:
    """Zizmor finds nothing in the workflows with its strictest persona, offline."""
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    command = [zizmor, "--offline", "--persona=auditor", "--strict-collection", "--no-progress", ".github"]
    audit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr
