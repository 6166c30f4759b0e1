"""Vulnerabilities, waivers and OpenVEX documents: which of them fail a scan and which pass.

`tests/unit/rules` has every invalid waiver and document.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from cli import SAMPLE_DATABASE, WAIVED_UNTIL, Call, Rehearsal, dagger

H11: Final = "CVE-2025-43859 in h11 0.14.0"
JOSE: Final = "CVE-2024-33663 in python-jose 3.3.0"
WAIVER: Final = f"""\
vulnerabilities:
  - id: CVE-2025-43859
    owner: team-a@example.com
    expired_at: {WAIVED_UNTIL}
    statement: chunked bodies end at the proxy
"""
EXPIRED_WAIVER: Final = WAIVER.replace(WAIVED_UNTIL, "2026-01-31")
VEX: Final[dict[str, Any]] = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.com/vex/1",
    "author": "team-a@example.com",
    "timestamp": "2026-01-01T00:00:00Z",
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": "CVE-2024-33663"},
            "products": [{"@id": "pkg:pypi/python-jose@3.3.0"}],
            "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path",
        }
    ],
}


def add_package(source: Path, name: str, version: str) -> Path:
    """Add the metadata of an installed Python package, by which Trivy finds it, and return the source."""
    folder = source / "src" / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return source


@pytest.fixture
def vulnerable_source(source: Path) -> Path:
    """A source whose image holds a critical vulnerability that has a fix."""
    return add_package(source, "h11", "0.14.0")


def scan(source: Path) -> Call:
    """Scan the image of ``source`` with the sample database."""
    return dagger("scan", f"--source={source}", config=SAMPLE_DATABASE)


@pytest.mark.fault(38)
def test_a_critical_vulnerability_with_a_fix_fails(vulnerable_source: Path) -> None:
    """A scan with a critical vulnerability that has a fix fails, names it, and prints Trivy's table above the error."""
    call = scan(vulnerable_source)
    assert call.status != 0
    assert f"scan: critical vulnerabilities that have a fix: 1 ({H11} (fixed in 0.16.0))" in call.error
    assert "CVE-2025-43859" in call.stderr.partition("Error: ")[0]


@pytest.mark.fault(38)
def test_vulnerabilities_without_a_fix_or_with_a_reason_pass_and_are_listed(vulnerable_source: Path) -> None:
    """A scan passes if each vulnerability has no fix, a waiver or an OpenVEX statement, and lists each with its reason.

    A waiver is listed with owner, end and statement, an OpenVEX statement with its justification.
    """
    add_package(add_package(vulnerable_source, "python-jose", "3.3.0"), "pycrypto", "2.6.1")
    (vulnerable_source / ".trivyignore.yaml").write_text(WAIVER)
    (vulnerable_source / ".openvex.json").write_text(json.dumps(VEX))
    call = scan(vulnerable_source)
    assert call.status == 0, call.stderr
    # That of pycrypto, and one in a package of the base system.
    assert "2 critical without a fix" in call.stdout
    assert "CVE-2013-7459" in call.stdout
    assert "critical but suppressed: 2 (" in call.stdout
    waiver = f"until {WAIVED_UNTIL} by team-a@example.com: chunked bodies end at the proxy"
    assert f"{H11} (ignored: {waiver})" in call.stdout
    assert f"{JOSE} (not affected: vulnerable_code_not_in_execute_path)" in call.stdout
    assert "Suppressed Vulnerabilities" in call.stdout


@pytest.mark.fault(38)
def test_an_expired_waiver_fails_and_names_its_owner(vulnerable_source: Path) -> None:
    """A scan whose waiver has expired fails, and names the waiver's end and owner."""
    (vulnerable_source / ".trivyignore.yaml").write_text(EXPIRED_WAIVER)
    call = scan(vulnerable_source)
    assert call.status != 0
    assert "scan: critical vulnerabilities with an expired waiver: 1" in call.error
    assert f"{H11} (fixed in 0.16.0), waived until 2026-01-31 by team-a@example.com" in call.error


@pytest.mark.slow
@pytest.mark.fault(38)
def test_waivers_for_other_packages_or_paths_do_not_apply(vulnerable_source: Path) -> None:
    """A scan fails if each waiver is limited to another package, version or path."""
    limits = ("purls: [pkg:pypi/other]", "purls: [pkg:pypi/h11@0.13.0]", "paths: [elsewhere/**]")
    entry = WAIVER.removeprefix("vulnerabilities:\n")
    entries = "".join(f"{entry}    {limit}\n" for limit in limits)
    (vulnerable_source / ".trivyignore.yaml").write_text(f"vulnerabilities:\n{entries}")
    call = scan(vulnerable_source)
    assert call.status != 0
    assert "critical vulnerabilities that have a fix: 1" in call.error


@pytest.mark.fault(46)
def test_a_system_without_support_is_no_pass(source: Path) -> None:
    """An image of a distribution that has ended its support fails the scan, and is not said to be vulnerable."""
    with (source / "Dockerfile").open("a") as file:
        file.write("USER root\nRUN echo 9.13 >/etc/debian_version\nUSER 10001\n")
    call = scan(source)
    assert call.status != 0
    assert "scan: no verdict for the system: debian 9.13 is no longer supported" in call.error


@pytest.mark.fault(38, 53)
@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        pytest.param(
            ".trivyignore.yaml",
            WAIVER.replace("owner", "#"),
            "entry 1 (CVE-2025-43859): expected owner to be a text",
            marks=pytest.mark.slow,
        ),
        (".trivyignore", "CVE-2025-43859 exp:2027-01-31\n", ".trivyignore is not read"),
        pytest.param(
            ".trivyignore.yaml",
            WAIVER.replace(WAIVED_UNTIL, "9999-12-31"),
            "expected expired_at to be within a year",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ".openvex.json",
            json.dumps(VEX | {"author": ""}),
            "invalid .openvex.json: the author is missing",
            marks=pytest.mark.slow,
        ),
        (".openvex.json", json.dumps(VEX).replace("not_affected", "safe"), "statement 1 has the status 'safe'"),
    ],
)
def test_an_invalid_waiver_or_openvex_document_is_rejected(
    vulnerable_source: Path, name: str, text: str, error: str
) -> None:
    """A scan fails on a waiver without owner or end, a list that is not read, and OpenVEX without author or status."""
    (vulnerable_source / name).write_text(text)
    call = scan(vulnerable_source)
    assert call.status != 0
    assert re.search(rf"scan: .*{re.escape(error)}", call.error)


@pytest.mark.slow
@pytest.mark.fault(38)
def test_a_changed_waiver_gives_no_new_version(rehearsal: Rehearsal, vulnerable_source: Path) -> None:
    """A change of the waiver changes neither version nor image, even if the image copies the whole source."""
    (vulnerable_source / ".dockerignore").unlink()
    dockerfile = vulnerable_source / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("COPY src/ /app/", "COPY . /all/\nCOPY src/ /app/"))
    waivers = vulnerable_source / ".trivyignore.yaml"
    waivers.write_text(WAIVER)
    first = rehearsal.stage(vulnerable_source, "--format=json").release
    assert (first["version"], first["outcome"]) == ("v1.0.1", "released")
    waivers.write_text(WAIVER.replace("chunked", "all"))
    assert rehearsal.stage(vulnerable_source, "--format=json").release == first | {"outcome": "already-released"}
    entries = dagger("build", f"--source={vulnerable_source}", "directory", "--path=/all", "entries")
    assert ".trivyignore.yaml" not in entries.stdout.split()
    assert "Dockerfile" in entries.stdout.split()
