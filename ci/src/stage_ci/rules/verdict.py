"""What a scan means for a release.

Formats: Trivy's JSON report, CycloneDX 1.6, the metadata.json of Trivy's database.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from stage_ci.errors import NothingChecked, ScannerUnavailable, VulnerableImage

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
class Verdict:
    """What the scanner found in an image of so many packages."""

    packages: int
    findings: tuple[Finding, ...]
    database: str
    rehearsal: bool

    @classmethod
    def read(cls, report: str, sbom: str, metadata: str, *, rehearsal: bool) -> "Verdict":
        """Return the verdict in a scanner's files.

        Args:
            report: Trivy's JSON report.
            sbom: The CycloneDX document the report was made from.
            metadata: The database's metadata.json.
            rehearsal: Whether the database is the authored one, which makes the verdict none.

        Raises:
            ScannerUnavailable: if a file is not what the scanner writes.
        """
        try:
            components = json.loads(sbom).get("components") or []
            packages = sum(1 for component in components if component.get("type") == "library")
            findings = tuple(_findings(json.loads(report)))
            updated = date.fromisoformat(json.loads(metadata)["UpdatedAt"][:10])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ScannerUnavailable(f"the scanner wrote no readable report ({type(error).__name__})") from error
        return cls(packages, findings, f"{updated}", rehearsal)

    def require(self) -> None:
        """Do nothing if the image may be released.

        Raises:
            NothingChecked: if the scanner saw no package.
            VulnerableImage: if a critical vulnerability has a fix.
        """
        if not self.packages:
            raise NothingChecked(
                "the scanner found no package in the image",
                step="scan",
                remedy="check that the image holds an installed system or packages",
            )
        found = [finding for finding in self.findings if finding.severity == _FORBIDDEN and finding.fixed]
        if found:
            named = ", ".join(map(str, found[:_FIRST_FEW])) + (" and more" if len(found) > _FIRST_FEW else "")
            raise VulnerableImage(f"critical vulnerabilities that have a fix: {len(found)} ({named})")

    @property
    def summary(self) -> str:
        """One line for a person."""
        unfixed = sum(1 for finding in self.findings if finding.severity == _FORBIDDEN)
        note = f", {unfixed} critical without a fix" if unfixed else ""
        if self.rehearsal:
            return f"{self.packages} packages against the authored rehearsal database: NO SECURITY VERDICT{note}"
        return f"{self.packages} packages, nothing critical that has a fix{note} (database of {self.database})"


def scanner_cause(output: str) -> str:
    """Return the reason in what Trivy wrote before it broke: the text of its last log line, without time and level."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return _LOG_PREFIX.sub("", lines[-1])[:_LIMIT] if lines else "it wrote nothing"


def _findings(report: Any) -> Iterator[Finding]:  # noqa: ANN401 - whatever JSON holds
    for result in report.get("Results") or []:
        for found in result.get("Vulnerabilities") or []:
            yield Finding(
                identifier=found["VulnerabilityID"],
                package=found["PkgName"],
                installed=found.get("InstalledVersion", ""),
                fixed=found.get("FixedVersion", ""),
                severity=found.get("Severity", "UNKNOWN"),
            )
