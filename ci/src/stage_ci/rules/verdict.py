"""What a scan means for a release.

Formats: Trivy's JSON report (aquasecurity/trivy, pkg/types/report.go and finding.go), CycloneDX 1.7.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from stage_ci.errors import NothingToCheck, ScannerUnavailable, VulnerableImage, WaiverExpired
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.waivers import Waivers

# The severity that forbids a release.
_FORBIDDEN: Final = "CRITICAL"
_FIRST_FEW: Final = 3
_LOG_PREFIX: Final = re.compile(r"^\S+\s+(?:FATAL|ERROR)\s+(?:Fatal error\s+)?(?:run error: )?")
_LIMIT: Final = 500  # characters of a message that repeats every layer it went through


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability of one package; ``fixed`` is empty where no fixed version exists."""

    identifier: str
    package: str
    installed: str
    fixed: str
    severity: str

    def __str__(self) -> str:
        mend = f"fixed in {self.fixed}" if self.fixed else "no fix yet"
        return f"{self.identifier} in {self.package} {self.installed} ({mend})"


@dataclass(frozen=True, slots=True)
class Excused:
    """A finding that the source's own files excuse: how, and in whose words."""

    finding: Finding
    reason: str

    def __str__(self) -> str:
        return f"{self.finding.identifier} in {self.finding.package} {self.finding.installed} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the scanner found in an image of so many packages, by what is known of vulnerabilities and of waivers."""

    packages: int
    findings: tuple[Finding, ...]
    excused: tuple[Excused, ...]
    advisories: Advisories
    waivers: Waivers

    @classmethod
    def read(cls, report: str, sbom: str, advisories: Advisories, waivers: Waivers) -> "Verdict":
        """Return the verdict in a scanner's files.

        Args:
            report: Trivy's JSON report, with what it suppressed.
            sbom: The CycloneDX document the report was made from.
            advisories: The database the report was made with.
            waivers: The source's list on the day of the scan.

        Raises:
            ScannerUnavailable: if a file is not what the scanner writes.
        """
        try:
            components = json.loads(sbom).get("components") or []
            packages = sum(1 for component in components if component.get("type") == "library")
            results = json.loads(report).get("Results") or []
            findings = tuple(_findings(results))
            excused = tuple(_excused(results))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ScannerUnavailable(f"the scanner wrote no readable report ({type(error).__name__})") from error
        return cls(packages, findings, excused, advisories, waivers)

    def raise_if_failed(self) -> None:
        """Do nothing if the image may be released.

        Raises:
            NothingToCheck: if the scanner saw no package.
            WaiverExpired: if a critical vulnerability was waived until a day that is over.
            VulnerableImage: if a critical vulnerability has a fix.
        """
        if not self.packages:
            raise NothingToCheck(
                "the scanner found no package in the image",
                step="scan",
                remedy="check that the image holds an installed system or packages",
            )
        critical = [finding for finding in self.findings if finding.severity == _FORBIDDEN]
        waived = [(finding, self.waivers.over(finding.identifier)) for finding in critical]
        over = [f"{finding}, waived {waiver}" for finding, waiver in waived if waiver]
        if over:
            raise WaiverExpired(f"critical vulnerabilities whose waiver is over: {_counted(over)}")
        found = [str(finding) for finding in critical if finding.fixed]
        if found:
            raise VulnerableImage(f"critical vulnerabilities that have a fix: {_counted(found)}")

    @property
    def summary(self) -> str:
        """One line for a person."""
        unfixed = sum(1 for finding in self.findings if finding.severity == _FORBIDDEN)
        note = f", {unfixed} critical without a fix" if unfixed else ""
        excused = [str(excused) for excused in self.excused if excused.finding.severity == _FORBIDDEN]
        note += f", critical and excused: {_counted(excused)}" if excused else ""
        if self.advisories.rehearsal:
            return f"{self.packages} packages against the authored rehearsal database: NO SECURITY VERDICT{note}"
        told = f"{self.packages} packages, nothing critical that has a fix{note}"
        return f"{told} (database of {self.advisories.updated})"


def scanner_cause(output: str) -> str:
    """Return the reason in what Trivy wrote before it broke: its last line, without time, level or bullet."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return _LOG_PREFIX.sub("", lines[-1]).removeprefix("* ")[:_LIMIT] if lines else "it wrote nothing"


def _counted(found: list[str]) -> str:
    return f"{len(found)} ({', '.join(found[:_FIRST_FEW])}{' and more' if len(found) > _FIRST_FEW else ''})"


def _findings(results: Any) -> Iterator[Finding]:  # noqa: ANN401 - whatever JSON holds
    for result in results:
        for found in result.get("Vulnerabilities") or []:
            yield _finding(found)


def _excused(results: Any) -> Iterator[Excused]:  # noqa: ANN401 - whatever JSON holds
    for result in results:
        for modified in result.get("ExperimentalModifiedFindings") or []:
            if modified["Type"] == "vulnerability":
                words = [modified["Status"].replace("_", " "), modified.get("Statement")]
                yield Excused(_finding(modified["Finding"]), ": ".join(filter(None, words)))


def _finding(found: Any) -> Finding:  # noqa: ANN401 - whatever JSON holds
    return Finding(
        identifier=found["VulnerabilityID"],
        package=found["PkgName"],
        installed=found.get("InstalledVersion", ""),
        fixed=found.get("FixedVersion", ""),
        severity=found.get("Severity", "UNKNOWN"),
    )
