"""Each function called alone, as a user does to find out why a run failed."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from cli import IMAGE, INFRA_REPO, REPOSITORY, SAMPLE_DATABASE, SEED, Rehearsal, dagger

FUNCTIONS: Final = {
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
    "rescan",
    "scan",
    "secrets",
    "smoke",
    "stage",
    "test",
    "train",
    "update-manifest",
    "verify",
}
UNPRIVILEGED_TEST: Final = '''"""A test of its own process."""

import os
from pathlib import Path


def test_process_is_unprivileged() -> None:
    """The process runs as nobody, has no capability, and can write beside the source and at home."""
    status = Path("/proc/self/status").read_text()
    assert (os.getuid(), os.getgid()) == (65534, 65534)
    assert "CapEff:\\t0000000000000000" in status
    Path("beside").write_text("")
    (Path.home() / "at-home").write_text("")
'''
EXITING_TEST: Final = '''"""A test that ends the interpreter."""

import os


def test_exit() -> None:
    """Exit at once."""
    os._exit(3)
'''


def test_dagger_functions_lists_every_function() -> None:
    """`dagger functions` lists the functions of the module."""
    output = subprocess.run(["dagger", "functions"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    names = {line.split()[0] for line in output.splitlines() if line and line[0].islower()}
    assert names == FUNCTIONS


def test_lint_prints_the_result_of_each_tool(source: Path) -> None:
    """`lint` prints one result each for black, flake8 and isort."""
    call = dagger("lint", f"--source={source}")
    assert call.status == 0, call.stderr
    assert "== black: clean" in call.stdout
    assert "== flake8: clean" in call.stdout
    assert "== isort: clean" in call.stdout


def test_dagger_check_finds_the_checks() -> None:
    """`dagger check -l` lists lint, secrets and test."""
    output = subprocess.run(["dagger", "check", "-l"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert {"lint", "secrets", "test"} <= set(output.stdout.split())


def test_formatted_source_passes_lint(source: Path) -> None:
    """The source that `format` returns passes `lint`, and the original is unchanged."""
    untidy = source / "src" / "service" / "untidy.py"
    untidy.write_text('"""Untidy."""\nimport sys\nimport os\nx = {  "a":1, "b": (os, sys) }\n')
    formatted = source.parent / "formatted"
    call = dagger("format", f"--source={source}", "after", "export", f"--path={formatted}")
    assert call.status == 0, call.stderr
    assert dagger("lint", f"--source={formatted}").status == 0
    assert untidy.read_text().startswith('"""Untidy."""\nimport sys')


def test_smoke_prints_the_responses(source: Path) -> None:
    """`smoke` prints the responses of /health, /ready and /predict_one, and the time until ready."""
    call = dagger("smoke", f"--source={source}")
    assert call.status == 0, call.stderr
    assert [line.split()[0] for line in call.stdout.splitlines()] == ["/health", "/ready", "/predict_one", "ready,"]


def test_a_scan_with_the_sample_database_is_marked(source: Path) -> None:
    """A scan with the rehearsal's database prints that its result is not a security verdict."""
    call = dagger("scan", f"--source={source}", config=SAMPLE_DATABASE)
    assert call.status == 0, call.stderr
    assert "NO SECURITY VERDICT" in call.stdout


@pytest.mark.fault(31)
def test_reports_of_a_failed_run_are_complete(source: Path, tmp_path: Path) -> None:
    """If a unit test fails, `reports` succeeds and exports every report."""
    test = source / "tests" / "unit" / "test_service.py"
    test.write_text(test.read_text().replace('"Hardware"', '"Storage"'))
    folder = tmp_path / "reports"
    call = dagger("reports", f"--source={source}", "export", f"--path={folder}", config=SAMPLE_DATABASE)
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
    assert "| coverage | passed: measured |" in summary


@pytest.mark.fault(31)
def test_an_interpreter_that_exits_fails_the_tests(source: Path) -> None:
    """`test` fails if a test ends the interpreter, and names the exit status."""
    test = source / "tests" / "unit" / "test_service.py"
    test.write_text(EXITING_TEST)
    call = dagger("test", f"--source={source}")
    assert call.status != 0
    assert "test: pytest ended with status 3" in call.error


def test_unit_tests_run_unprivileged(source: Path) -> None:
    """The unit tests run as nobody, without capabilities, and may write beside the source and at home."""
    (source / "tests" / "unit" / "test_process.py").write_text(UNPRIVILEGED_TEST)
    call = dagger("test", f"--source={source}")
    assert call.status == 0, call.stderr
    assert "2 passed" in call.stdout


def test_nested_requirements_are_installed(source: Path) -> None:
    """Requirement files may include other requirement files of any name."""
    lines = (source / "requirements.dev").read_text().splitlines()
    (source / "requirements.tools").write_text("\n".join(line for line in lines if "==" in line) + "\n")
    (source / "requirements.dev").write_text("-r requirements.tools\n")
    shutil.copy(source / "requirements", source / "requirements.base")
    (source / "requirements").write_text("-r requirements.base\n")
    call = dagger("test", f"--source={source}")
    assert call.status == 0, call.stderr
    assert "1 passed" in call.stdout


def test_update_manifest_changes_one_line() -> None:
    """`update-manifest` changes the image's line in the manifest of a local folder."""
    patch = dagger("update-manifest", f"--infra={SEED}", "--image-version=v1.0.9", "as-patch", "contents")
    assert patch.status == 0, patch.stderr
    edits = [line for line in patch.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert len(edits) == 2
    assert edits[0].lstrip("- ").startswith("image:")
    assert f"{IMAGE}:v1.0.0" in edits[0]
    assert f"{IMAGE}:v1.0.9" in edits[1]


def test_a_version_outside_the_line_is_rejected() -> None:
    """`update-manifest` fails and names the version if it is not one of the version line."""
    call = dagger("update-manifest", f"--infra={SEED}", "--image-version=v2.0.0")
    assert call.status != 0
    assert "v2.0.0" in call.error


def test_the_parts_of_a_stage_give_the_result_of_the_stage(rehearsal: Rehearsal, source: Path) -> None:
    """`plan`, `publish` and `deploy` in turn release what `stage` then reports as already released."""
    config = rehearsal.config
    nothing = dagger("rehearsal", "manifest", config=config)
    assert nothing.status != 0
    assert f"rehearsal {rehearsal.name!r} has no repository {INFRA_REPO} yet; run `stage`" in nothing.error
    plan = dagger("plan", f"--source={source}", config=config)
    assert plan.status == 0, plan.stderr
    assert f"Would claim and publish docker.io/{IMAGE}:v1.0.1" in plan.stdout
    assert rehearsal.inspect("tags") == ""

    assert dagger("next-version", config=config).stdout.strip() == "v1.0.1"
    published = dagger("publish", f"--source={source}", config=config)
    assert published.stdout.startswith(f"docker.io/{IMAGE}:v1.0.1@sha256:"), published.stderr
    assert dagger("latest-version", config=config).stdout.strip() == "v1.0.1"
    assert dagger("next-version", config=config).stdout.strip() == "v1.0.2"

    missing = dagger("deploy", "--image-version=v1.0.5", config=config)
    assert missing.status != 0
    assert "v1.0.5 is not in the registry" in missing.error
    deployed = dagger("deploy", "--image-version=v1.0.1", config=config)
    assert f"{IMAGE}:v1.0.0 -> " in deployed.stdout, deployed.stderr

    digest = published.stdout.strip().partition("@")[2]
    release = rehearsal.stage(source, "--format=json").release
    assert (release["version"], release["digest"], release["outcome"]) == ("v1.0.1", digest, "already-released")
