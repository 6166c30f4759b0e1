"""Runs Trivy: an SBOM from the archive, then findings from the SBOM, each cached by what it depends on."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.commands import NOBODY, as_nobody, step
from stage_ci.errors import ScannerUnavailable
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.secrets import SecretsReport
from stage_ci.rules.verdict import Verdict, scanner_cause
from stage_ci.rules.vex import VEX_FILE, require_openvex
from stage_ci.rules.waivers import SECRETS, WAIVERS_FILE, Waivers, require_one_list

_DATABASE: Final = "/database"
_REPORTS: Final = "/scan"
_SUPPRESSIONS: Final = "/suppressions"
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
        sample: Whether it is the sample database, with which a scan gives no verdict.
    """

    addresses: tuple[str, ...]
    service: dagger.Service | None = None
    sample: bool = False


@dataclass(frozen=True, slots=True)
class Suppressions:
    """What the files of a source suppress.

    Attributes:
        today: The day of the scan, in UTC.
        waivers: Its list of waivers on that day, for vulnerabilities.
        secrets: The same list's waivers for keys and tokens.
        vex: Its OpenVEX document; empty if it has none.
    """

    today: date
    waivers: Waivers = field(default_factory=Waivers)
    secrets: Waivers = field(default_factory=Waivers)
    vex: str = ""


@step("scan")
async def suppressions(source: dagger.Directory) -> Suppressions:
    """Return what the files of ``source`` suppress today, in UTC.

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
    return Suppressions(today, Waivers.read(entries, today), Waivers.read(entries, today, SECRETS), statements)


@step("scan")
async def scan(
    archive: dagger.File, database: Database, suppressions: Suppressions
) -> tuple[Verdict, dagger.Directory]:
    """Return what Trivy finds in the image of ``archive``, and the folder with the files that Trivy writes.

    The files are ``scan.txt``, ``scan.sarif``, ``scan.json`` and ``sbom.cdx.json``.

    Raises:
        ScannerUnavailable: if the database cannot be had or is too old, or the scanner breaks.
    """
    sbom = await _sbom(archive)
    known = await _download(database, suppressions.today)
    metadata = await known.file("db/metadata.json").contents()
    advisories = Advisories.read(metadata, suppressions.today, sample=database.sample)
    formats = await _reports(sbom, known, suppressions)
    report = await formats.file("scan.json").contents()
    return Verdict.read(report, await sbom.contents(), advisories, suppressions.waivers), formats


@step("secrets")
async def find_secrets(archive: dagger.File, waivers: Waivers) -> SecretsReport:
    """Return the keys and tokens that Trivy finds in the layers and the configuration of the image of ``archive``.

    Raises:
        ScannerUnavailable: if the scanner breaks.
    """
    target = f"{_REPORTS}/secrets.json"
    command = ["image", *_QUIET, *_TIMEOUT, "--input", "/image.tar", "--scanners", "secret"]
    command += ["--image-config-scanners", "secret", "--format", "json", "--output", target]
    scanner = await _run(command, _with_archive(archive))
    return SecretsReport.read(await scanner.file(target).contents(), waivers)


async def _sbom(archive: dagger.File) -> dagger.File:
    target = f"{_REPORTS}/sbom.cdx.json"
    command = ["image", *_QUIET, *_TIMEOUT, "--input", "/image.tar", "--format", "cyclonedx", "--output", target]
    return (await _run(command, _with_archive(archive))).file(target)


async def _download(database: Database, today: date) -> dagger.Directory:
    # The database changes a few times a day; the date in the key asks for it again tomorrow.
    scanner = _trivy().with_env_variable("STAGE_CI_DATE", today.isoformat())
    command = ["image", *_QUIET, *_TIMEOUT, "--download-db-only", "--db-repository", ",".join(database.addresses)]
    if database.service:
        scanner = scanner.with_service_binding("registry", database.service)
        command.append("--insecure")
    return (await _run(command, scanner)).directory(_DATABASE)


async def _reports(sbom: dagger.File, known: dagger.Directory, suppressions: Suppressions) -> dagger.Directory:
    given, flags = _suppression_files(suppressions)
    scanner = (
        _trivy()
        .with_mounted_directory(_DATABASE, known)
        .with_mounted_directory(_SUPPRESSIONS, given)
        .with_workdir(_SUPPRESSIONS)
        .with_directory(_REPORTS, dag.directory().with_file("sbom.cdx.json", sbom), owner=NOBODY)
    )
    report, show = f"{_REPORTS}/scan.json", "--show-suppressed"
    command = ["sbom", *_QUIET, *_TIMEOUT, "--skip-db-update", "--offline-scan", "--pkg-types", "os,library", *flags]
    command += [show, "--format", "json", "--output", report, f"{_REPORTS}/sbom.cdx.json"]
    scanner = await _run(command, scanner)
    for name, file in {"sarif": "scan.sarif", "table": "scan.txt"}.items():
        target = f"{_REPORTS}/{file}"
        scanner = await _run(["convert", "--quiet", show, "--format", name, "--output", target, report], scanner)
    return scanner.directory(_REPORTS)


def _suppression_files(suppressions: Suppressions) -> tuple[dagger.Directory, list[str]]:
    folder = dag.directory()
    flags: list[str] = []
    if suppressions.waivers.active:
        folder = folder.with_new_file(WAIVERS_FILE, suppressions.waivers.for_trivy())
        flags += ["--ignorefile", WAIVERS_FILE]
    if suppressions.vex:
        folder = folder.with_new_file(VEX_FILE, suppressions.vex)
        flags += ["--vex", VEX_FILE]
    return folder, flags


async def _run(command: list[str], scanner: dagger.Container) -> dagger.Container:
    try:
        # A failure is an error of the engine's too, so that it is not kept in the cache.
        return await scanner.with_exec(["trivy", *command]).sync()
    except dagger.ExecError as error:
        raise ScannerUnavailable(f"the scanner could not run: {scanner_cause(error.stderr)}") from error


def _with_archive(archive: dagger.File) -> dagger.Container:
    return _trivy().with_mounted_file("/image.tar", archive).with_directory(_REPORTS, dag.directory(), owner=NOBODY)


def _trivy() -> dagger.Container:
    scanner = as_nobody(dag.container().from_(pins.TRIVY)).with_env_variable("NO_COLOR", "1")
    return scanner.with_directory(_DATABASE, dag.directory(), owner=NOBODY)
