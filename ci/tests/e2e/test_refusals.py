"""What must stop a release: each ends with one line that says why, and with nothing changed outside."""

import shutil
from pathlib import Path

import pytest
from user import Rehearsal, dagger

FAILING_TEST = '''

def test_what_is_wrong() -> None:
    """This fails."""
    assert predict("") == "Hardware"
'''
NEVER_READY = ('self._answer(200, {"status": "ok"})', 'self._answer(503 if self.path == "/ready" else 200, {})')


@pytest.fixture(scope="module")
def before(released: Rehearsal) -> tuple[str, str]:
    """What registry and infrastructure repository hold when the tests begin."""
    return released.state()


def refused(released: Rehearsal, before: tuple[str, str], source: Path, *arguments: str) -> str:
    """Stage ``source``, which has to fail and to change nothing; return what says why."""
    call = released.stage(source, *arguments)
    assert call.status != 0
    assert call.stdout == ""
    assert "Traceback" not in call.stderr
    assert released.state() == before
    return call.error


@pytest.mark.fault(31, 32, 40)
def test_a_failing_test_and_findings_of_every_linter_are_told_in_one_run(
    released: Rehearsal, before: tuple[str, str], service: Path
) -> None:
    """The test and all three tools are named, each step in a line."""
    with (service / "tests" / "unit" / "test_service.py").open("a") as file:
        file.write(FAILING_TEST)
    (service / "src" / "service" / "untidy.py").write_text("import sys\nimport os\nx = {  'a':1 }\n")
    told = refused(released, before, service)
    assert "lint: black:" in told
    assert "flake8: ./src/service/untidy.py" in told
    assert "isort:" in told
    assert "test: 1 of 2 tests failed: tests.unit.test_service::test_what_is_wrong" in told


@pytest.mark.fault(38)
def test_a_planted_critical_vulnerability_stops_the_release(
    released: Rehearsal, before: tuple[str, str], service: Path
) -> None:
    """A package with a critical finding that has a fix is named with its fixed version."""
    (service / "requirements").write_text("h11==0.14.0\n")
    error = refused(released, before, service)
    assert "scan: critical vulnerabilities that have a fix: 1 (CVE-2025-43859 in h11 0.14.0 (fixed in 0.16.0))" in error


@pytest.mark.fault(39)
def test_an_image_that_never_becomes_ready_stops_the_release(
    released: Rehearsal, before: tuple[str, str], service: Path
) -> None:
    """/ready answers 503 until the time is over."""
    main = service / "src" / "service" / "__main__.py"
    main.write_text(main.read_text().replace(*NEVER_READY))
    assert "smoke: /ready answers 503" in refused(released, before, service)


@pytest.mark.fault(39)
def test_an_image_that_crashes_stops_the_release(released: Rehearsal, before: tuple[str, str], service: Path) -> None:
    """The service ends before it listens."""
    (service / "src" / "service" / "__main__.py").write_text('raise SystemExit("no model")\n')
    assert "smoke: `python3 -m service`: no model; " in refused(released, before, service)


@pytest.mark.fault(37)
def test_a_missing_database_is_no_finding(released: Rehearsal, before: tuple[str, str], service: Path) -> None:
    """A scanner that cannot run says so."""
    error = refused(released, before, service, "--trivy-db=localhost:1/trivy-db:2")
    assert "scan: the scanner could not run:" in error


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("path", "words"),
    [("src", "no Python file was found in src/"), ("tests", "no test was collected from tests/unit/")],
)
def test_a_source_without_anything_to_check_is_refused(service: Path, path: str, words: str) -> None:
    """Nothing checked is a failure."""
    shutil.rmtree(service / path)
    call = dagger("lint" if path == "src" else "test", f"--source={service}")
    assert call.status != 0
    assert words in call.error


@pytest.mark.fault(33)
def test_a_malformed_dockerfile_is_told_by_its_line(service: Path) -> None:
    """The instruction is named."""
    (service / "Dockerfile").write_text("FROM python:3.11-slim\nRUNN true\n")
    call = dagger("build", f"--source={service}")
    assert call.status != 0
    assert "build: " in call.error
    assert "RUNN" in call.error


@pytest.mark.fault(33)
@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        ("no-such-package-of-this-name==1.0", "No matching distribution found for no-such-package-of-this-name"),
        ("--index-url http://localhost:1/simple\nh11==0.16.0", "localhost"),
    ],
    ids=["no such package", "an index that is down"],
)
def test_a_package_that_cannot_be_installed_is_named(service: Path, requirements: str, words: str) -> None:
    """The error names the instruction; what the instruction said of the package or its index stands above it."""
    (service / "requirements").write_text(f"{requirements}\n")
    call = dagger("build", f"--source={service}")
    assert call.status != 0
    assert "build: RUN python3 -m pip install" in call.error
    assert words in call.stderr


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--filename=../etc/passwd"], "names no file inside the infrastructure repository"),
        (["--filename=/etc/passwd"], "names no file inside the infrastructure repository"),
        (["--version-line=1.0"], "'1.0' is no version line"),
        (["--image=owner/Case"], "'owner/Case' is no image reference"),
        (["--format=xml"], "'xml' is no format"),
        (["--docker-username=env:USER_OF_TEST"], "DOCKER_PASSWORD (--docker-password) and TOKEN (--token) missing"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named(service: Path, flags: list[str], words: str) -> None:
    """The error names the input, before anything is looked at."""
    call = dagger("stage", f"--source={service}", *flags, environment={"USER_OF_TEST": "someone"})
    assert call.status != 0
    assert words in call.error


@pytest.mark.fault(19, 22)
@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--filename=manifests/none.yaml", "manifests/none.yaml is not in the infrastructure repository"),
        ("--filename=manifests", "manifests is not a regular file"),
        ("--infra-branch=none", "has no branch none"),
        ("--image=owner/other", "has no reference to docker.io/owner/other"),
    ],
)
def test_a_manifest_that_cannot_be_edited_stops_the_release_before_the_push(
    released: Rehearsal, before: tuple[str, str], service: Path, flag: str, words: str
) -> None:
    """Nothing is published that could not be deployed."""
    with (service / "src" / "service" / "__init__.py").open("a") as file:
        file.write("\n\n# changed\n")
    assert words in refused(released, before, service, flag)
