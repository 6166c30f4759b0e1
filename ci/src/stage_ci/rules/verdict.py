"""The verdict of a scan: whether an image may be released.

Formats: Trivy's JSON report (aquasecurity/trivy, pkg/types/report.go and finding.go), CycloneDX 1.7.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from stage_ci.errors import NothingToCheck, ScannerUnavailable, VulnerableImage, WaiverExpired
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.vex import VEX_FILE
from stage_ci.rules.waivers import Waivers

# The severity that blocks a release.
_BLOCKING: Final = "CRITICAL"
_NEXT: Final = "HIGH"  # counted in the summary
# The package URLs of systems: https://github.com/package-url/purl-spec/blob/main/PURL-TYPES.rst
_SYSTEM: Final = ("pkg:alpm/", "pkg:apk/", "pkg:deb/", "pkg:rpm/")
_FIRST_FEW: Final = 3
_LOG_PREFIX: Final = re.compile(r"^\S+\s+(?:FATAL|ERROR)\s+(?:Fatal error\s+)?(?:run error: )?")
_LIMIT: Final = 500  # characters: Trivy's message repeats the context of every layer that passed it on


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability in one package.

    Attributes:
        identifier: The vulnerability.
        package: The name of the package.
        installed: Its version.
        fixed: The first version without the vulnerability; empty if there is none.
        severity: The severity, such as ``CRITICAL``.
        purl: The package URL.
        path: The path of the package's file in the image; empty for a package of the system.
        target: What Trivy has scanned, such as the path of a program or a lock file.
    """

    identifier: str
    package: str
    installed: str
    fixed: str
    severity: str
    purl: str = ""
    path: str = ""
    target: str = ""

    def __str__(self) -> str:
        fix = f"fixed in {self.fixed}" if self.fixed else "no fix yet"
        return f"{self.identifier} in {self.package} {self.installed} ({fix})"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that a waiver or a VEX statement of the source suppresses, with the reason."""

    finding: Finding
    reason: str

    def __str__(self) -> str:
        return f"{self.finding.identifier} in {self.finding.package} {self.finding.installed} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a scan.

    Attributes:
        packages: The number of packages in the image.
        findings: The vulnerabilities that are not suppressed.
        suppressed: The vulnerabilities that are suppressed.
        advisories: The database of the scan.
        waivers: The waivers of the source on the day of the scan.
        gap: Why the packages of the system have no verdict; empty if they have one, or if there are none.
    """

    packages: int
    findings: tuple[Finding, ...]
    suppressed: tuple[Suppressed, ...]
    advisories: Advisories
    waivers: Waivers
    gap: str = ""

    @classmethod
    def read(cls, report: str, sbom: str, advisories: Advisories, waivers: Waivers) -> "Verdict":
        """Return the verdict that the scanner's files contain.

        Args:
            report: Trivy's JSON report, with suppressed findings.
            sbom: The CycloneDX document that Trivy scanned.
            advisories: The database of the scan.
            waivers: The waivers of the source on the day of the scan.

        Raises:
            ScannerUnavailable: if a file does not have the format that Trivy writes.
        """
        try:
            components = json.loads(sbom).get("components") or []
            packages = [component for component in components if component.get("type") == "library"]
            document = json.loads(report)
            results = document.get("Results") or []
            gap = _gap(packages, document, results)
            findings = tuple(_findings(results))
            suppressed = tuple(_suppressed(results))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ScannerUnavailable(f"the scanner's report cannot be read ({type(error).__name__})") from error
        return cls(len(packages), findings, suppressed, advisories, waivers, gap)

    def raise_if_failed(self) -> None:
        """Raise if the image must not be released.

        Raises:
            NothingToCheck: if the scanner found no package.
            ScannerUnavailable: if there are no advisories for the system of the image.
            WaiverExpired: if the waiver of a critical vulnerability has expired.
            VulnerableImage: if a critical vulnerability has a fix.
        """
        if not self.packages:
            raise NothingToCheck(
                "the scanner found no package in the image",
                step="scan",
                remedy="check that the image contains a distribution or installed packages",
            )
        if self.gap:
            raise ScannerUnavailable(
                f"no verdict for the system: {self.gap}", remedy="start the Dockerfile from a supported release"
            )
        critical = [finding for finding in self.findings if finding.severity == _BLOCKING]
        waivers = [
            (each, self.waivers.expired_for(each.identifier, each.purl, each.path, each.target)) for each in critical
        ]
        expired = [f"{finding}, waived {waiver}" for finding, waiver in waivers if waiver]
        if expired:
            raise WaiverExpired(f"critical vulnerabilities with an expired waiver: {_count(expired)}")
        fixable = [str(finding) for finding in critical if finding.fixed]
        if fixable:
            raise VulnerableImage(f"critical vulnerabilities that have a fix: {_count(fixable)}")

    @property
    def summary(self) -> str:
        """The result in one line."""
        unfixed = sum(1 for finding in self.findings if finding.severity == _BLOCKING)
        note = f", {unfixed} critical without a fix" if unfixed else ""
        high = sum(1 for finding in self.findings if finding.severity == _NEXT and finding.fixed)
        note += f", {high} high with a fix" if high else ""
        suppressed = [str(each) for each in self.suppressed if each.finding.severity == _BLOCKING]
        note += f", critical but suppressed: {_count(suppressed)}" if suppressed else ""
        if self.advisories.sample:
            return f"{self.packages} packages against the sample database: NO SECURITY VERDICT{note}"
        database = f"database of {self.advisories.updated}"
        return f"{self.packages} packages, nothing critical that has a fix{note} ({database})"


def scanner_cause(output: str) -> str:
    """Return the cause for which Trivy failed: the last line of its output, without time, level and bullet."""
    last = output.strip().splitlines()[-1].strip()
    return _LOG_PREFIX.sub("", last).removeprefix("* ")[:_LIMIT]


def scanner_failure(output: str) -> tuple[str, str | None]:
    """Return the cause for which Trivy failed, and the remedy; None for the usual, about the vulnerability database.

    Trivy downloads its Java database only for an image with Java archives (aquasecurity/trivy, pkg/javadb/client.go).
    """
    cause, fatal = scanner_cause(output), output.rpartition("FATAL")[2]
    if "Java DB" in fatal:
        remedy = "the image contains Java archives: give a reachable Java database with --trivy-java-db"
        return f"no Java database: {cause}", remedy
    if "unable to load VEX" in fatal:
        return f"it does not read {VEX_FILE}: {cause}", f"correct {VEX_FILE}"
    return cause, None


def _count(findings: list[str]) -> str:
    return f"{len(findings)} ({', '.join(findings[:_FIRST_FEW])}{' and more' if len(findings) > _FIRST_FEW else ''})"


def _gap(packages: list[Any], report: Any, results: Any) -> str:  # noqa: ANN401 - JSON of any type
    """Return why the packages of the system have no verdict; Trivy itself finds nothing in them, and passes."""
    system = (report.get("Metadata") or {}).get("OS") or {}
    if system.get("EOSL"):
        return f"{system['Family']} {system['Name']} is no longer supported"
    count = sum(1 for package in packages if str(package.get("purl", "")).startswith(_SYSTEM))
    is_covered = any(result.get("Class") == "os-pkgs" for result in results)
    return f"{count} of its packages belong to no known distribution" if count and not is_covered else ""


def _findings(results: Any) -> Iterator[Finding]:  # noqa: ANN401 - JSON of any type
    for result in results:
        for found in result.get("Vulnerabilities") or []:
            yield _finding(found, result)


def _suppressed(results: Any) -> Iterator[Suppressed]:  # noqa: ANN401 - JSON of any type
    for result in results:
        for modified in result.get("ExperimentalModifiedFindings") or []:
            if modified["Type"] == "vulnerability":
                reason = [modified["Status"].replace("_", " "), modified.get("Statement")]
                yield Suppressed(_finding(modified["Finding"], result), ": ".join(filter(None, reason)))


def _finding(found: Any, result: Any) -> Finding:  # noqa: ANN401 - JSON of any type
    return Finding(
        identifier=found["VulnerabilityID"],
        package=found["PkgName"],
        installed=found.get("InstalledVersion", ""),
        fixed=found.get("FixedVersion", ""),
        severity=found.get("Severity", "UNKNOWN"),
        purl=(found.get("PkgIdentifier") or {}).get("PURL", ""),
        path=found.get("PkgPath", ""),
        target=result.get("Target", ""),
    )
