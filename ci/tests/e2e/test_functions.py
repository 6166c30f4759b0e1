"""Each function alone, as whoever debugs a red run calls it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from user import IMAGE, REPOSITORY, SEED, Rehearsal, dagger

FUNCTIONS = {
    "build",
    "deploy",
    "format",
    "latest-version",
    "lint",
    "next-version",
    "plan",
    "publish",
    "rehearsal",
    "reports",
    "scan",
    "smoke",
    "stage",
    "test",
    "train",
    "update-manifest",
}
RIGHTS = '''"""Rights."""

import os
from pathlib import Path


def test_rights() -> None:
    """No root."""
    status = Path("/proc/self/status").read_text()
    assert (os.getuid(), os.getgid()) == (65534, 65534)
    assert "CapEff:\\t0000000000000000" in status
    Path("beside").write_text("")
    (Path.home() / "at-home").write_text("")
'''
FLAG = re.compile(r"--([a-z][a-z0-9-]*)")


def test_the_module_shows_its_functions() -> None:
    """`dagger functions` is the table of contents."""
    listed = subprocess.run(["dagger", "functions"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    names = {line.split()[0] for line in listed.splitlines() if line and line[0].islower()}
    assert names == FUNCTIONS


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_help_says_something_of_every_flag(function: str) -> None:
    """`--help` reads like a manual: each flag has a sentence beside its type."""
    told = dagger(function, "--help")
    assert told.status == 0
    arguments = told.stdout.partition("ARGUMENTS")[2].partition("\n\n")[0].splitlines()
    assert arguments
    bare = [line for line in arguments if re.search(r"--\S+ \S+\s*$", line)]
    assert bare == []


def test_every_flag_of_the_workflow_is_known() -> None:
    """The line in .github/workflows/stage.yaml parses against the module as it is."""
    workflow = (REPOSITORY / ".github" / "workflows" / "stage.yaml").read_text()
    (line,) = [line for line in workflow.splitlines() if "dagger call stage" in line]
    given = set(FLAG.findall(line.partition("dagger call stage")[2]))
    known = set(FLAG.findall(dagger("stage", "--help").stdout))
    assert given
    assert given <= known


def test_an_unknown_flag_is_named() -> None:
    """A flag that does not exist is an error that repeats it."""
    call = dagger("stage", "--registry-servise=tcp://localhost:1")
    assert call.status != 0
    assert "unknown flag: --registry-servise" in call.stderr


def test_lint_shows_what_each_tool_says(service: Path) -> None:
    """The three tools are named."""
    call = dagger("lint", f"--source={service}")
    assert call.status == 0, call.stderr
    assert "== black: clean" in call.stdout
    assert "== flake8: clean" in call.stdout
    assert "== isort: clean" in call.stdout


def test_the_checks_are_found_by_dagger_check() -> None:
    """`dagger check -l` lists lint and test."""
    listed = subprocess.run(["dagger", "check", "-l"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert {"lint", "test"} <= set(listed.stdout.split())


def test_format_writes_what_lint_asks_for(service: Path) -> None:
    """The changes that `format` gives make an untidy source pass."""
    untidy = service / "src" / "service" / "untidy.py"
    untidy.write_text('"""Untidy."""\nimport sys\nimport os\nx = {  "a":1, "b": (os, sys) }\n')
    tidied = service.parent / "tidied"
    call = dagger("format", f"--source={service}", "after", "export", f"--path={tidied}")
    assert call.status == 0, call.stderr
    assert dagger("lint", f"--source={tidied}").status == 0
    assert untidy.read_text().startswith('"""Untidy."""\nimport sys')


def test_smoke_shows_the_answers(service: Path) -> None:
    """Alive, ready, one prediction."""
    call = dagger("smoke", f"--source={service}")
    assert call.status == 0, call.stderr
    assert [line.split()[0] for line in call.stdout.splitlines()] == ["/health", "/ready", "/predict_one", "ready,"]


def test_scan_alone_says_that_the_authored_database_is_no_verdict(service: Path) -> None:
    """What the rehearsal's database finds is shown, and what it is worth."""
    call = dagger("scan", f"--source={service}", "--trivy-db=rehearsal")
    assert call.status == 0, call.stderr
    assert "NO SECURITY VERDICT" in call.stdout


@pytest.mark.fault(31)
def test_reports_hold_the_files_of_a_red_run(service: Path, tmp_path: Path) -> None:
    """JUnit and coverage are there although a test fails, and the folder is given all the same."""
    test = service / "tests" / "unit" / "test_service.py"
    test.write_text(test.read_text().replace('"Hardware"', '"Storage"'))
    folder = tmp_path / "reports"
    call = dagger("reports", f"--source={service}", "--trivy-db=rehearsal", "export", f"--path={folder}")
    assert call.status == 0, call.stderr
    assert {path.name for path in folder.iterdir()} >= {
        "coverage.xml",
        "junit.xml",
        "lint.txt",
        "sbom.cdx.json",
        "scan.sarif",
        "scan.txt",
        "summary.md",
        "test.txt",
    }
    summary = (folder / "summary.md").read_text()
    assert "| test | failed: test: 1 of 1 tests failed" in summary
    assert "| lint | passed:" in summary


@pytest.mark.fault(31)
def test_an_interpreter_that_crashes_is_told(service: Path) -> None:
    """An interpreter that dies is a failed test run, not a pass."""
    test = service / "tests" / "unit" / "test_service.py"
    test.write_text('"""Crash."""\n\nimport os\n\n\ndef test_crash() -> None:\n    """Die."""\n    os._exit(3)\n')
    call = dagger("test", f"--source={service}")
    assert call.status != 0
    assert "test: pytest ended with status 3" in call.error


def test_the_tests_have_no_rights_of_root(service: Path) -> None:
    """They are nobody's, without a capability, and may write beside the source and at home."""
    (service / "tests" / "unit" / "test_rights.py").write_text(RIGHTS)
    call = dagger("test", f"--source={service}")
    assert call.status == 0, call.stderr
    assert "2 passed" in call.stdout


def test_nested_requirements_are_installed(service: Path) -> None:
    """A file of requirements may include any other, whatever the other is called."""
    lines = (service / "requirements.dev").read_text().splitlines()
    (service / "requirements.tools").write_text("\n".join(line for line in lines if "==" in line) + "\n")
    (service / "requirements.dev").write_text("-r requirements.tools\n")
    shutil.copy(service / "requirements", service / "requirements.base")
    (service / "requirements").write_text("-r requirements.base\n")
    call = dagger("test", f"--source={service}")
    assert call.status == 0, call.stderr
    assert "1 passed" in call.stdout


def test_update_manifest_shows_the_change_and_needs_no_network() -> None:
    """The preview changes one line of the given folder's manifest."""
    patch = dagger("update-manifest", f"--infra={SEED}", "--image-version=v1.0.9", "as-patch", "contents")
    assert patch.status == 0, patch.stderr
    changed = [line for line in patch.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert len(changed) == 2
    assert changed[0].lstrip("- ").startswith("image:")
    assert f"{IMAGE}:v1.0.0" in changed[0]
    assert f"{IMAGE}:v1.0.9" in changed[1]


@pytest.mark.parametrize("version", ["v1.0", "latest", "v1.0.007", "v2.0.0", "v1.0.0"])
def test_a_version_that_is_none_of_the_line_is_refused(version: str) -> None:
    """Bad input is named."""
    call = dagger("update-manifest", f"--infra={SEED}", f"--image-version={version}")
    assert call.status != 0
    assert version in call.error


def test_plan_publish_deploy_and_the_versions_follow_each_other(rehearsal: Rehearsal, service: Path) -> None:
    """The parts of a stage, called one after the other, come to what the stage comes to."""
    own = f"--rehearsal={rehearsal.name}"
    planned = dagger("plan", f"--source={service}", own)
    assert planned.status == 0, planned.stderr
    assert f"Would claim and publish docker.io/{IMAGE}:v1.0.1" in planned.stdout
    assert rehearsal.look("tags") == ""

    assert dagger("next-version", own).stdout.strip() == "v1.0.1"
    published = dagger("publish", f"--source={service}", own)
    assert published.stdout.startswith(f"docker.io/{IMAGE}:v1.0.1@sha256:"), published.stderr
    assert dagger("latest-version", own).stdout.strip() == "v1.0.1"
    assert dagger("next-version", own).stdout.strip() == "v1.0.2"

    missing = dagger("deploy", "--image-version=v1.0.5", own)
    assert missing.status != 0
    assert "v1.0.5 is not in the registry" in missing.error
    deployed = dagger("deploy", "--image-version=v1.0.1", own)
    assert f"{IMAGE}:v1.0.0 -> " in deployed.stdout, deployed.stderr

    digest = published.stdout.strip().partition("@")[2]
    release = rehearsal.stage(service, "--format=json").release
    assert (release["version"], release["digest"], release["outcome"]) == ("v1.0.1", digest, "already-released")
