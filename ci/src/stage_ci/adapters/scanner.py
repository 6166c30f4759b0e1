"""Runs Trivy: bill of materials from the archive, then findings from the bill, each cached by what it depends on."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.commands import step
from stage_ci.errors import ScannerUnavailable
from stage_ci.rules.verdict import Verdict, scanner_cause

_DATABASE: Final = "/database"
_REPORTS: Final = "/scan"
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
class Scan:
    """A verdict, and the folder with ``scan.txt``, ``scan.sarif``, ``scan.json`` and ``sbom.cdx.json``."""

    verdict: Verdict
    reports: dagger.Directory


@step("scan")
async def scan(archive: dagger.File, database: Database) -> Scan:
    """Return what Trivy finds in the image of ``archive``.

    Raises:
        ScannerUnavailable: if the database cannot be had, or the scanner breaks.
    """
    bill = await _bill(archive)
    known = await _download(database)
    scanner = (
        _trivy()
        .with_mounted_directory(_DATABASE, known)
        .with_directory(_REPORTS, dag.directory().with_file("sbom.cdx.json", bill))
    )
    report = f"{_REPORTS}/scan.json"
    sbom = ["sbom", *_QUIET, *_TIMEOUT, "--skip-db-update", "--offline-scan", "--pkg-types", "os,library"]
    scanned = await _require([*sbom, "--format", "json", "--output", report, f"{_REPORTS}/sbom.cdx.json"], scanner)
    convert = ["convert", "--quiet", "--format"]
    sarif = await _require([*convert, "sarif", "--output", f"{_REPORTS}/scan.sarif", report], scanned)
    table = await _require([*convert, "table", "--output", f"{_REPORTS}/scan.txt", report], sarif)
    formats = table.directory(_REPORTS)
    verdict = Verdict.read(
        await formats.file("scan.json").contents(),
        await bill.contents(),
        await known.file("db/metadata.json").contents(),
        rehearsal=database.rehearsal,
    )
    return Scan(verdict, formats)


async def _bill(archive: dagger.File) -> dagger.File:
    scanner = _trivy().with_mounted_file("/image.tar", archive).with_directory(_REPORTS, dag.directory())
    target = f"{_REPORTS}/sbom.cdx.json"
    command = ["image", *_QUIET, *_TIMEOUT, "--input", "/image.tar", "--format", "cyclonedx", "--output", target]
    return (await _require(command, scanner)).file(target)


async def _download(database: Database) -> dagger.Directory:
    # The database changes a few times a day; the date in the key asks for it again tomorrow.
    scanner = _trivy().with_env_variable("STAGE_CI_DATE", datetime.now(UTC).date().isoformat())
    command = ["image", *_QUIET, *_TIMEOUT, "--download-db-only", "--db-repository", ",".join(database.addresses)]
    if database.service:
        scanner = scanner.with_service_binding("registry", database.service)
        command.append("--insecure")
    return (await _require(command, scanner)).directory(_DATABASE)


async def _require(command: list[str], scanner: dagger.Container) -> dagger.Container:
    try:
        # A failure is an error of the engine's too, so that it is not kept in the cache.
        return await scanner.with_exec(["trivy", *command]).sync()
    except dagger.ExecError as error:
        raise ScannerUnavailable(f"the scanner could not run: {scanner_cause(error.stderr)}") from error


def _trivy() -> dagger.Container:
    return dag.container().from_(pins.TRIVY).with_env_variable("NO_COLOR", "1")
