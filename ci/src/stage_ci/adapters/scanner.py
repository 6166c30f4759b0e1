"""Runs Trivy: an SBOM from the archive, then findings from the SBOM, so that each is cached by its own inputs."""

import functools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

import dagger
from dagger import dag

from stage_ci import pins
from stage_ci.adapters.bindings import bind
from stage_ci.adapters.commands import NOBODY, as_nobody, step
from stage_ci.adapters.gather import gather
from stage_ci.adapters.pinned_image import reference
from stage_ci.adapters.source import Source
from stage_ci.errors import ScannerUnavailable
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.archive import raise_if_other_image
from stage_ci.rules.reference import Digest
from stage_ci.rules.secrets import SecretsReport
from stage_ci.rules.verdict import Verdict, scanner_failure
from stage_ci.rules.vex import VEX_FILE, raise_if_invalid_vex
from stage_ci.rules.waivers import SECRETS, WAIVERS_FILE, Waivers, raise_if_misnamed_list

_ANALYSES: Final = "/analyses"
_REPORTS: Final = "/scan"
# The downloaded database and single reports lie where nobody may write without a folder of their own.
_DATABASE: Final = "/tmp/database"  # noqa: S108 - of the container
_SECRETS: Final = "/tmp/secrets.json"  # noqa: S108 - of the container
_SBOM: Final = "/tmp/sbom.json"  # noqa: S108 - of the container
_REPORT: Final = f"{_REPORTS}/scan.json"
# The name of the CycloneDX document among the files of a scan.
SBOM: Final = "sbom.cdx.json"
# The files that Trivy makes from its report, by format.
_CONVERTED: Final = {"sarif": "scan.sarif", "table": "scan.txt"}
_SUPPRESSIONS: Final = "/suppressions"
# Without --exit-code, findings leave Trivy's exit status at 0; any other status means that the scanner failed.
_QUIET: Final = ["--quiet", "--timeout", "10m"]
_WITH_DATABASE: Final = [*_QUIET, "--cache-dir", _DATABASE]
_WITH_ARCHIVE: Final = [*_QUIET, "--cache-dir", _ANALYSES, "--input", "/image.tar"]


@dataclass(frozen=True, slots=True)
class Database:
    """Where the scanner's vulnerability database comes from.

    Attributes:
        addresses: OCI references, tried in order.
        service: A registry as a service of the engine, with the host name ``registry`` in the scanner; None for none.
        sample: Whether it is the sample database; a scan with it gives no verdict.
    """

    addresses: tuple[str, ...]
    service: dagger.Service | None = None
    sample: bool = False


@dataclass(frozen=True, slots=True)
class JavaDatabase:
    """Where the scanner's Java database comes from, by which it identifies .jar, .war and .ear files.

    Attributes:
        addresses: OCI references, tried in order; empty for Trivy's public mirrors.
        service: As of Database.
    """

    addresses: tuple[str, ...] = ()
    service: dagger.Service | None = None


@dataclass(frozen=True, slots=True)
class Download:
    """The content of a vulnerability database: Trivy's cache folder, and what its metadata says."""

    folder: dagger.Directory
    advisories: Advisories


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The findings that the files of a source suppress.

    Attributes:
        today: The day of the scan, in UTC.
        waivers: The waivers for vulnerabilities, as of that day.
        secrets: The waivers for keys and tokens, as of that day.
        vex: The OpenVEX document; empty if the source has none.
    """

    today: date
    waivers: Waivers = field(default_factory=Waivers)
    secrets: Waivers = field(default_factory=Waivers)
    vex: str = ""


@step("scan")
async def suppressions(source: Source) -> Suppressions:
    """Return the findings that the files of ``source`` suppress today, in UTC.

    Raises:
        InvalidWaiver: if its list of waivers is invalid.
        InvalidVex: if its OpenVEX document is invalid.
    """
    today, present = datetime.now(UTC).date(), set(await source.paths())
    raise_if_misnamed_list(present)
    entries, statements = await gather(source.text(WAIVERS_FILE), source.text(VEX_FILE))
    if VEX_FILE in present:
        raise_if_invalid_vex(statements)
    return Suppressions(today, Waivers.read(entries, today), Waivers.read(entries, today, SECRETS), statements)


@step("scan")
async def download(database: Database, today: date) -> Download:
    """Return the content of ``database`` as of ``today``.

    Raises:
        ScannerUnavailable: if it cannot be downloaded or is too old.
    """
    # The date is part of the cache key, so that the database is downloaded once a day.
    scanner = _trivy().with_env_variable("STAGE_CI_DATE", today.isoformat())
    command = ["image", *_WITH_DATABASE, "--download-db-only", "--db-repository", ",".join(database.addresses)]
    scanner, flags = _with_registry(scanner, database.service)
    folder = (await _run(scanner, [*command, *flags])).directory(_DATABASE)
    metadata = await folder.file("db/metadata.json").contents()
    return Download(folder, Advisories.read(metadata, today, sample=database.sample))


@step("scan")
async def sbom(archive: dagger.File, java: JavaDatabase) -> dagger.File:
    """Return the CycloneDX document of the packages in the image of ``archive``.

    Raises:
        ScannerUnavailable: if the scanner fails, or needs the Java database and cannot download it.
    """
    command = ["image", *_WITH_ARCHIVE, "--format", "cyclonedx", "--output", _SBOM]
    if java.addresses:
        command += ["--java-db-repository", ",".join(java.addresses)]
    scanner, flags = _with_registry(_with_archive(archive, "packages"), java.service)
    return (await _run(scanner, [*command, *flags])).file(_SBOM)


@step("scan")
async def scan(
    sbom: dagger.File, database: Download, suppressions: Suppressions, config: Digest | None = None
) -> tuple[Verdict, dagger.Directory]:
    """Look for vulnerabilities in the packages of an image; return the verdict, and the folder with the files of Trivy.

    The files are ``scan.txt``, ``scan.sarif``, ``scan.json`` and ``sbom.cdx.json``.

    Args:
        sbom: The CycloneDX document of the packages.
        database: The vulnerability database.
        suppressions: The findings that the source suppresses.
        config: The digest of the image's configuration, if the document must be of that image.

    Raises:
        ScannerUnavailable: if the scanner fails.
    """
    formats = await _reports(sbom, database.folder, suppressions)
    report, packages = await gather(formats.file("scan.json").contents(), sbom.contents())
    if config:
        raise_if_other_image(packages, config)
    return Verdict.read(report, packages, database.advisories, suppressions.waivers), formats


@step("secrets")
async def find_secrets(archive: dagger.File, waivers: Waivers) -> SecretsReport:
    """Return the keys and tokens that Trivy finds in the layers and the configuration of the image of ``archive``.

    Raises:
        ScannerUnavailable: if the scanner fails.
    """
    command = ["image", *_WITH_ARCHIVE, "--scanners", "secret"]
    command += ["--image-config-scanners", "secret", "--format", "json", "--output", _SECRETS]
    scanner = await _run(_with_archive(archive, "secrets"), command)
    return SecretsReport.read(await scanner.file(_SECRETS).contents(), waivers)


async def _reports(sbom: dagger.File, known: dagger.Directory, suppressions: Suppressions) -> dagger.Directory:
    given, flags = _suppression_files(suppressions)
    scanner = (
        _trivy()
        .with_mounted_directory(_DATABASE, known)
        .with_mounted_directory(_SUPPRESSIONS, given)
        .with_workdir(_SUPPRESSIONS)
        .with_directory(_REPORTS, dag.directory(), owner=NOBODY)
        .with_file(f"{_REPORTS}/{SBOM}", sbom, owner=NOBODY)
    )
    command = ["sbom", *_WITH_DATABASE, "--skip-db-update", "--offline-scan", "--pkg-types", "os,library", *flags]
    command += ["--show-suppressed", "--format", "json", "--output", _REPORT, f"{_REPORTS}/{SBOM}"]
    convert = ["convert", "--quiet", "--show-suppressed", "--format"]
    # One after the other: engine 0.19.10 may fail to mount the folders of one command's result for two others at once.
    conversions = [[*convert, name, "--output", f"{_REPORTS}/{file}", _REPORT] for name, file in _CONVERTED.items()]
    return (await _run(scanner, command, *conversions)).directory(_REPORTS)


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


async def _run(scanner: dagger.Container, *commands: list[str]) -> dagger.Container:
    for command in commands:
        # Without `expect`, a failed exec is an error, and the engine does not cache errors.
        scanner = scanner.with_exec(["trivy", *command])
    try:
        return await scanner.sync()
    except dagger.ExecError as error:
        if not error.stderr.strip():
            raise  # Trivy says why it fails, so the engine could not run it, or ended it
        cause, remedy = scanner_failure(error.stderr)
        raise ScannerUnavailable(f"the scanner could not run: {cause}", remedy=remedy) from error


def _with_registry(scanner: dagger.Container, service: dagger.Service | None) -> tuple[dagger.Container, list[str]]:
    return (bind(scanner, "registry", service), ["--insecure"]) if service else (scanner, [])


def _with_archive(archive: dagger.File, purpose: str) -> dagger.Container:
    # Trivy keeps the analysis of each layer, by the layer's digest, so a new image costs only its new layers. It locks
    # its cache, so runs at the same time wait for each other, except for the two of one image.
    analyses = dag.cache_volume(f"stage-ci-trivy-{purpose}")
    locked = dagger.CacheSharingMode.LOCKED
    scanner = _trivy().with_mounted_file("/image.tar", archive)
    return scanner.with_mounted_cache(_ANALYSES, analyses, sharing=locked, owner=NOBODY)


@functools.cache
def _trivy() -> dagger.Container:
    return as_nobody(dag.container().from_(reference(pins.TRIVY))).with_env_variable("NO_COLOR", "1")
