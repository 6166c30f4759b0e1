"""Sources and arguments that must not be released: each stage fails with one line and changes nothing."""

import shutil
from pathlib import Path
from typing import Final

import pytest
from cli import Flags, dagger
from environment import Servers

FAILING_TEST: Final = '''

def test_an_empty_text() -> None:
    """This test fails."""
    assert predict("") == "Hardware"
'''
NEVER_READY: Final = ('self._answer(200, {"status": "ok"})', 'self._answer(503 if self.path == "/ready" else 200, {})')


def stage_and_fail(servers: Servers, source: Path, *arguments: str, config: Flags = ()) -> str:
    """Stage ``source`` in the servers' rehearsal, assert that this fails and changes nothing, and return the error."""
    before = servers.state()
    call = servers.rehearsal.stage(source, *arguments, config=config)
    assert call.status != 0
    assert call.stdout == ""
    assert "Traceback" not in call.stderr
    assert servers.state() == before
    return call.error


@pytest.mark.fault(31, 32, 40)
def test_failures_of_lint_and_test_are_reported_together(released_servers: Servers, source: Path) -> None:
    """A stage with lint findings and a failing test reports both, each on a line, with every linter named."""
    with (source / "tests" / "unit" / "test_service.py").open("a") as file:
        file.write(FAILING_TEST)
    (source / "src" / "service" / "untidy.py").write_text("import sys\nimport os\nx = {  'a':1 }\n")
    error = stage_and_fail(released_servers, source)
    assert "lint: black:" in error
    assert "flake8: ./src/service/untidy.py" in error
    assert "isort:" in error
    assert "test: 1 of 2 tests failed: tests.unit.test_service::test_an_empty_text" in error


@pytest.mark.fault(38)
def test_a_critical_vulnerability_stops_the_release(released_servers: Servers, source: Path) -> None:
    """A stage whose image holds a critical vulnerability with a fix fails, and names package and fixed version."""
    (source / "requirements").write_text("h11==0.14.0\n")
    error = stage_and_fail(released_servers, source)
    assert "scan: critical vulnerabilities that have a fix: 1 (CVE-2025-43859 in h11 0.14.0 (fixed in 0.16.0))" in error


@pytest.mark.fault(39)
def test_an_image_that_never_becomes_ready_stops_the_release(released_servers: Servers, source: Path) -> None:
    """A stage whose image keeps responding 503 on /ready fails and names that response."""
    main = source / "src" / "service" / "__main__.py"
    main.write_text(main.read_text().replace(*NEVER_READY))
    assert "smoke: /ready answers 503" in stage_and_fail(released_servers, source)


@pytest.mark.slow
@pytest.mark.fault(39)
def test_an_image_that_exits_stops_the_release(released_servers: Servers, source: Path) -> None:
    """A stage whose image exits before it listens fails, and names the command and its last line."""
    (source / "src" / "service" / "__main__.py").write_text('raise SystemExit("no model")\n')
    assert "smoke: `python3 -m service`: no model; " in stage_and_fail(released_servers, source)


@pytest.mark.slow
@pytest.mark.fault(37)
def test_an_unreachable_vulnerability_database_stops_the_release(released_servers: Servers, source: Path) -> None:
    """A stage without a vulnerability database fails, because the scanner could not run."""
    error = stage_and_fail(released_servers, source, config=["--trivy-db=localhost:1/trivy-db:2"])
    assert "scan: the scanner could not run:" in error


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("folder", "error"),
    [("src", "no Python file was found in src/"), ("tests", "no test was collected from tests/unit/")],
)
def test_a_source_with_nothing_to_check_is_rejected(source: Path, folder: str, error: str) -> None:
    """`lint` fails without a Python file, and `test` fails without a test."""
    shutil.rmtree(source / folder)
    call = dagger("lint" if folder == "src" else "test", f"--source={source}")
    assert call.status != 0
    assert error in call.error


@pytest.mark.fault(33)
def test_an_unknown_dockerfile_instruction_is_named(source: Path) -> None:
    """`build` fails on an unknown instruction and names it."""
    (source / "Dockerfile").write_text("FROM python:3.11-slim\nRUNN true\n")
    call = dagger("build", f"--source={source}")
    assert call.status != 0
    assert "build: " in call.error
    assert "RUNN" in call.error


@pytest.mark.fault(33)
@pytest.mark.parametrize(
    ("requirements", "output"),
    [
        ("no-such-package-of-this-name==1.0", "No matching distribution found for no-such-package-of-this-name"),
        ("--index-url http://localhost:1/simple\nh11==0.16.0", "localhost"),
    ],
    ids=["no such package", "an index that is down"],
)
def test_a_package_that_cannot_be_installed_fails_the_build(source: Path, requirements: str, output: str) -> None:
    """`build` names the failed instruction in its error, and prints the package or the index above it."""
    (source / "requirements").write_text(f"{requirements}\n")
    call = dagger("build", f"--source={source}")
    assert call.status != 0
    assert "build: RUN python3 -m pip install" in call.error
    assert output in call.stderr


def test_an_invalid_format_is_rejected(source: Path) -> None:
    """A stage with an invalid output format fails and names it."""
    call = dagger("stage", f"--source={source}", "--format=xml")
    assert call.status != 0
    assert "invalid --format='xml': expected text or json" in call.error


@pytest.mark.slow
@pytest.mark.fault(22)
def test_a_manifest_that_cannot_be_edited_stops_the_release(released_servers: Servers, source: Path) -> None:
    """A stage whose manifest cannot be edited fails before anything is published."""
    with (source / "src" / "service" / "__init__.py").open("a") as file:
        file.write("\n\n# changed\n")
    error = stage_and_fail(released_servers, source, config=["--image=owner/other"])
    assert "has no reference to docker.io/owner/other" in error
