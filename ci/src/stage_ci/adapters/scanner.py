"""Runs Trivy: bill of materials from the archive, then findings from the bill, each cached by what it depends on."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.commands import NOBODY, as_nobody, step
from stage_ci.errors import ScannerUnavailable
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.verdict import Verdict, scanner_cause
from stage_ci.rules.vex import VEX_FILE, require_openvex
from stage_ci.rules.waivers import WAIVERS_FILE, Waivers, require_one_list

_DATABASE: Final = "/database"
_REPORTS: Final = "/scan"
_EXCUSES: Final = "/excuses"
# Findings never change this status: whatever is not 0 means that the scanner broke.
_QUIET: Final = ["--quiet", "--cache-dir", _DATABASE]
# Minutes for one run of the scanner.
_TIMEOUT: Final = ["--timeout", "10m"]


@dataclass(frozen=True, slots=True)
class Database:
    """Where the scanner's vulnerability database comes from.

    Attributes:
        addresses: OCI references, asked in order until one answers.
        service: A registry that only this machine can see, known to the scanner as ``registry``; None if there is none.
        rehearsal: Whether it is the authored database, with which a scan is no verdict.
    """

    addresses: tuple[str, ...]
    service: dagger.Service | None = None
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Excuses:
    """What a source says of findings.

    Attributes:
        today: The day of the scan, in UTC.
        waivers: Its list of waivers on that day.
        vex: Its OpenVEX document; empty if it has none.
    """

    today: date
    waivers: Waivers = field(default_factory=Waivers)
    vex: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """A verdict, and the folder with ``scan.txt``, ``scan.sarif``, ``scan.json`` and ``sbom.cdx.json``."""

    verdict: Verdict
    reports: dagger.Directory


@step("scan")
async def excuses(source: dagger.Directory) -> Excuses:
    """Return what ``source`` says of findings, today in UTC.

    Raises:
        InvalidWaiver: if its list of waivers cannot be used.
        InvalidVex: if its OpenVEX document cannot be used.
    """
    today, present = datetime.now(UTC).date(), set(await source.entries())
    require_one_list(present)
    entries = await source.file(WAIVERS_FILE).contents() if WAIVERS_FILE in present else ""
    statements = await source.file(VEX_FILE).contents() if VEX_FILE in present else ""
    if VEX_FILE in present:
        require_openvex(statements)
    return Excuses(today, Waivers.read(entries, today), statements)


@step("scan")
async def scan(archive: dagger.File, database: Database, excuses: Excuses) -> Scan:
    """Return what Trivy finds in the image of ``archive``, and which of it ``excuses`` speak for.

    Raises:
        ScannerUnavailable: if the database cannot be had or is too old, or the scanner breaks.
    """
    bill = await _bill(archive)
    known = await _download(database, excuses.today)
    metadata = await known.file("db/metadata.json").contents()
    advisories = Advisories.read(metadata, excuses.today, sample=database.rehearsal)
    formats = await _reports(bill, known, excuses)
    report = await formats.file("scan.json").contents()
    return Scan(Verdict.read(report, await bill.contents(), advisories, excuses.waivers), formats)


async def _bill(archive: dagger.File) -> dagger.File:
    scanner = _trivy().with_mounted_file("/image.tar", archive).with_directory(_REPORTS, dag.directory(), owner=NOBODY)
    target = f"{_REPORTS}/sbom.cdx.json"
    command = ["image", *_QUIET, *_TIMEOUT, "--input", "/image.tar", "--format", "cyclonedx", "--output", target]
    return (await _require(command, scanner)).file(target)


async def _download(database: Database, today: date) -> dagger.Directory:
    # The database changes a few times a day; the date in the key asks for it again tomorrow.
    scanner = _trivy().with_env_variable("STAGE_CI_DATE", today.isoformat())
    command = ["image", *_QUIET, *_TIMEOUT, "--download-db-only", "--db-repository", ",".join(database.addresses)]
    if database.service:
        scanner = scanner.with_service_binding("registry", database.service)
        command.append("--insecure")
    return (await _require(command, scanner)).directory(_DATABASE)


async def _reports(bill: dagger.File, known: dagger.Directory, excuses: Excuses) -> dagger.Directory:
    given, flags = _given(excuses)
    scanner = (
        _trivy()
        .with_mounted_directory(_DATABASE, known)
        .with_mounted_directory(_EXCUSES, given)
        .with_workdir(_EXCUSES)
        .with_directory(_REPORTS, dag.directory().with_file("sbom.cdx.json", bill), owner=NOBODY)
    )
    report, show = f"{_REPORTS}/scan.json", "--show-suppressed"
    command = ["sbom", *_QUIET, *_TIMEOUT, "--skip-db-update", "--offline-scan", "--pkg-types", "os,library", *flags]
    command += [show, "--format", "json", "--output", report, f"{_REPORTS}/sbom.cdx.json"]
    scanner = await _require(command, scanner)
    for name, file in {"sarif": "scan.sarif", "table": "scan.txt"}.items():
        target = f"{_REPORTS}/{file}"
        scanner = await _require(["convert", "--quiet", show, "--format", name, "--output", target, report], scanner)
    return scanner.directory(_REPORTS)


def _given(excuses: Excuses) -> tuple[dagger.Directory, list[str]]:
    folder = dag.directory()
    flags: list[str] = []
    if excuses.waivers.active:
        folder = folder.with_new_file(WAIVERS_FILE, excuses.waivers.for_trivy())
        flags += ["--ignorefile", WAIVERS_FILE]
    if excuses.vex:
        folder = folder.with_new_file(VEX_FILE, excuses.vex)
        flags += ["--vex", VEX_FILE]
    return folder, flags


async def _require(command: list[str], scanner: dagger.Container) -> dagger.Container:
    try:
        # A failure is an error of the engine's too, so that it is not kept in the cache.
        return await scanner.with_exec(["trivy", *command]).sync()
    except dagger.ExecError as error:
        raise ScannerUnavailable(f"the scanner could not run: {scanner_cause(error.stderr)}") from error


def _trivy() -> dagger.Container:
    scanner = as_nobody(dag.container().from_(pins.TRIVY)).with_env_variable("NO_COLOR", "1")
    return scanner.with_directory(_DATABASE, dag.directory(), owner=NOBODY)
