"""What becomes of a finding, of whoever answers for it, and of a database that is none; found in planted packages."""

import gzip
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.servers.fault_proxy import FaultProxy
from tests.servers.loopback import Reply
from user import REPOSITORY, Call, Rehearsal, Servers, dagger, put_artifact

AUTHORED = REPOSITORY / "ci/src/stage_ci/adapters/trivy-db.tar.gz"
LAYER = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
H11 = "CVE-2025-43859 in h11 0.14.0"
HELD = """\
vulnerabilities:
  - id: CVE-2025-43859
    owner: team-a@example.com
    expired_at: 2999-12-31
    statement: chunked bodies end at the proxy
"""
OVER = HELD.replace("2999-12-31", "2026-01-31")
VEX: dict[str, Any] = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.com/vex/1",
    "author": "team-a@example.com",
    "timestamp": "2026-01-01T00:00:00Z",
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": "CVE-2025-43859"},
            "products": [{"@id": "pkg:pypi/h11@0.14.0"}],
            "status": "not_affected",
            "justification": "vulnerable_code_not_in_execute_path",
        }
    ],
}


def planted(service: Path, name: str, version: str) -> Path:
    """Put what an installed Python package leaves behind into the image of ``service``."""
    folder = service / "src" / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return service


@pytest.fixture
def vulnerable(service: Path) -> Path:
    """A service whose image holds a critical vulnerability that has a fix."""
    return planted(service, "h11", "0.14.0")


def scan(source: Path) -> Call:
    """Scan the image of ``source`` with the authored database."""
    return dagger("scan", f"--source={source}", "--trivy-db=rehearsal")


@pytest.mark.fault(38)
def test_a_critical_vulnerability_with_a_fix_fails(vulnerable: Path) -> None:
    """Named with its package and its fixed version; the whole table stands above it."""
    call = scan(vulnerable)
    assert call.status != 0
    assert f"scan: critical vulnerabilities that have a fix: 1 ({H11} (fixed in 0.16.0))" in call.error
    assert "CVE-2025-43859" in call.stderr.partition("Error: ")[0]


@pytest.mark.fault(38)
def test_a_critical_vulnerability_without_a_fix_passes_with_a_note(service: Path) -> None:
    """Nobody can mend it yet."""
    call = scan(planted(service, "pycrypto", "2.6.1"))
    assert call.status == 0, call.stderr
    assert "critical without a fix" in call.stdout
    assert "CVE-2013-7459" in call.stdout


@pytest.mark.fault(38)
def test_a_waiver_that_holds_passes_and_is_listed(vulnerable: Path) -> None:
    """With its owner and its day, in the summary and in Trivy's own table."""
    (vulnerable / ".trivyignore.yaml").write_text(HELD)
    call = scan(vulnerable)
    assert call.status == 0, call.stderr
    words = "until 2999-12-31 by team-a@example.com: chunked bodies end at the proxy"
    assert f"critical and excused: 1 ({H11} (ignored: {words}))" in call.stdout
    assert "Suppressed Vulnerabilities" in call.stdout


@pytest.mark.fault(38)
def test_a_waiver_that_is_over_fails_and_names_its_owner(vulnerable: Path) -> None:
    """A promise that ran out is told to whoever made it."""
    (vulnerable / ".trivyignore.yaml").write_text(OVER)
    call = scan(vulnerable)
    assert call.status != 0
    assert "scan: critical vulnerabilities whose waiver is over: 1" in call.error
    assert f"{H11} (fixed in 0.16.0), waived until 2026-01-31 by team-a@example.com" in call.error


@pytest.mark.fault(38)
def test_what_the_makers_say_is_not_affected_passes_and_is_listed(vulnerable: Path) -> None:
    """An OpenVEX document speaks for the package, with its reason."""
    (vulnerable / ".openvex.json").write_text(json.dumps(VEX))
    call = scan(vulnerable)
    assert call.status == 0, call.stderr
    words = "not affected: vulnerable_code_not_in_execute_path"
    assert f"critical and excused: 1 ({H11} ({words}))" in call.stdout
    assert "Suppressed Vulnerabilities" in call.stdout


@pytest.mark.fault(38)
@pytest.mark.parametrize("limit", ["purls: [pkg:pypi/other]", "purls: [pkg:pypi/h11@0.13.0]", "paths: [elsewhere/**]"])
def test_a_waiver_of_something_else_excuses_nothing(vulnerable: Path, limit: str) -> None:
    """Trivy matches package and place."""
    (vulnerable / ".trivyignore.yaml").write_text(f"{HELD}    {limit}\n")
    call = scan(vulnerable)
    assert call.status != 0
    assert "critical vulnerabilities that have a fix: 1" in call.error


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (".trivyignore.yaml", HELD.replace("owner", "#"), "entry 1 of .trivyignore.yaml (CVE-2025-43859) has no text"),
        (".trivyignore.yaml", HELD.replace("expired_at", "#"), "has no day as expired_at"),
        (".trivyignore.yaml", f"{HELD}    purl: pkg:pypi/h11\n", "has a key 'purl'"),
        (".trivyignore", "CVE-2025-43859 exp:2999-12-31\n", ".trivyignore is not read"),
        (".openvex.json", json.dumps(VEX | {"author": ""}), ".openvex.json names no author"),
    ],
)
def test_what_nobody_answers_for_is_refused(vulnerable: Path, name: str, text: str, words: str) -> None:
    """No owner, no day, or more than anybody meant."""
    (vulnerable / name).write_text(text)
    call = scan(vulnerable)
    assert call.status != 0
    assert re.search(rf"scan: .*{re.escape(words)}", call.error)


@pytest.mark.fault(38)
def test_a_waiver_asks_for_no_new_version(rehearsal: Rehearsal, vulnerable: Path) -> None:
    """The scan reads it, the image does not hold it, even if it copies everything."""
    (vulnerable / ".dockerignore").unlink()
    dockerfile = vulnerable / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("COPY src/ /app/", "COPY . /all/\nCOPY src/ /app/"))
    waivers = vulnerable / ".trivyignore.yaml"
    waivers.write_text(HELD)
    first = rehearsal.stage(vulnerable, "--format=json").release
    assert (first["version"], first["outcome"]) == ("v1.0.1", "released")
    waivers.write_text(HELD.replace("2999", "2998"))
    assert rehearsal.stage(vulnerable, "--format=json").release == first | {"outcome": "already-released"}
    entries = dagger("build", f"--source={vulnerable}", "directory", "--path=/all", "entries")
    assert ".trivyignore.yaml" not in entries.stdout.split()
    assert "Dockerfile" in entries.stdout.split()


def database(metadata: dict[str, Any], content: bytes | None = None) -> bytes:
    """Return the authored database with other metadata, and perhaps with other content."""
    with tarfile.open(AUTHORED) as archive:
        members = {name: archive.extractfile(name) for name in archive.getnames()}
        files = {name: member.read() for name, member in members.items() if member}
    files["metadata.json"] = json.dumps(json.loads(files["metadata.json"]) | metadata).encode()
    files["trivy.db"] = content or files["trivy.db"]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return gzip.compress(packed.getvalue(), mtime=0)


def no_database(servers: Servers, service: Path, registry: str, name: str) -> str:
    """Release with a database that is none; return what is told of the scan, after nothing was published."""
    address = f"--trivy-db=registry:{registry.partition(':')[2]}/{name}"
    before = servers.git("ls-remote")
    arguments = [f"--registry-service=tcp://{registry}", f"--infra-service=tcp://{servers.infrastructure}"]
    call = dagger("stage", f"--source={service}", *arguments, address)
    assert call.status != 0
    assert "critical vulnerabilities" not in call.error
    assert servers.git("ls-remote") == before
    (told,) = [line for line in call.error.splitlines() if "scan: " in line]
    return told


@pytest.mark.fault(37)
def test_a_database_that_is_too_old_is_no_verdict(servers: Servers, service: Path) -> None:
    """A mirror that nobody keeps up to date."""
    stale = database({"UpdatedAt": "2026-01-01T00:00:00Z", "NextUpdate": "2026-01-02T00:00:00Z"})
    put_artifact(servers.registry, "mirror/stale:2", LAYER, stale, title="db.tar.gz")
    told = no_database(servers, service, servers.registry, "mirror/stale:2")
    assert "the scanner could not run: the database is too old, of 2026-01-01" in told


@pytest.mark.fault(37)
@pytest.mark.parametrize("broken", ["layer", "content"])
def test_a_database_that_is_corrupt_is_no_verdict(servers: Servers, service: Path, broken: str) -> None:
    """What was downloaded is no archive, or no database is in it."""
    layer = b"no archive" if broken == "layer" else database({}, content=b"no database" * 1_000)
    put_artifact(servers.registry, f"mirror/{broken}:2", LAYER, layer, title="db.tar.gz")
    assert "the scanner could not run: " in no_database(servers, service, servers.registry, f"mirror/{broken}:2")


@pytest.mark.fault(37)
def test_a_database_that_is_overloaded_is_no_verdict(servers: Servers, service: Path) -> None:
    """The host of the database, here the registry as well, answers 429."""
    with FaultProxy(lambda _: Reply(429)) as overloaded:
        told = no_database(servers, service, overloaded.address, "aquasec/trivy-db:2")
    assert "the scanner could not run: " in told
    assert "429" in told or "TOOMANYREQUESTS" in told
