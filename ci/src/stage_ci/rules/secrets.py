"""What a scan of an image's layers for keys and tokens means for a release.

Format: Trivy's JSON report (aquasecurity/trivy, pkg/types/report.go and pkg/fanal/types/secret.go). Trivy reports a
file of every layer, also one that a later layer deletes, and the image's configuration. It masks what it found; the
report of this module repeats neither the text that matched nor the instruction that made the layer.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from stage_ci.errors import NothingToCheck, ScannerUnavailable, SecretInImage
from stage_ci.rules.waivers import Waiver, Waivers

_FIRST_FEW: Final = 3
# Trivy names the configuration after the file that it scans, and gives it no layer.
_CONFIGURATION: Final = "the image's configuration"


@dataclass(frozen=True, slots=True)
class ExposedSecret:
    """A key or token in an image.

    Attributes:
        rule: The identifier of Trivy's rule, such as ``private-key``.
        title: What the rule finds, such as ``Asymmetric Private Key``.
        path: The file in the image, with a slash at its start; or the image's configuration.
        line: The line on which it starts.
    """

    rule: str
    title: str
    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.rule} in {self.path}:{self.line}"

    def is_covered(self, waiver: Waiver) -> bool:
        """Return whether ``waiver`` allows this secret: its rule and one of its paths, which may be patterns, match."""
        paths = waiver.limits.get("paths", [])
        return waiver.identifier == self.rule and any(
            fnmatchcase(self.path.removeprefix("/"), path.removeprefix("/")) for path in paths
        )


@dataclass(frozen=True, slots=True)
class SecretsReport:
    """The keys and tokens in an image with so many layers, and the source's waivers on the day of the scan."""

    layers: int
    secrets: tuple[ExposedSecret, ...]
    waivers: Waivers

    @classmethod
    def read(cls, report: str, waivers: Waivers) -> "SecretsReport":
        """Return the secrets in Trivy's JSON report.

        Args:
            report: The report.
            waivers: The entries for secrets on the day of the scan.

        Raises:
            ScannerUnavailable: if the report cannot be read.
        """
        try:
            document = json.loads(report)
            layers = len(document["Metadata"].get("DiffIDs") or [])
            secrets = tuple(_secrets(document.get("Results") or []))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ScannerUnavailable(f"the scanner's report cannot be read ({type(error).__name__})") from error
        return cls(layers, secrets, waivers)

    def raise_if_failed(self) -> None:
        """Raise if the image must not be released.

        Raises:
            NothingToCheck: if the scanner found no layer.
            SecretInImage: if there is a key or a token that no active waiver allows.
        """
        if not self.layers:
            raise NothingToCheck("the scanner found no layer in the image", step="secrets", remedy="check the image")
        found = [f"{secret}{self._expired(secret)}" for secret in self.secrets if not self._waiver(secret)]
        if found:
            more = " and more" if len(found) > _FIRST_FEW else ""
            raise SecretInImage(f"keys or tokens in the image: {len(found)} ({', '.join(found[:_FIRST_FEW])}{more})")

    @property
    def summary(self) -> str:
        """One line for a person."""
        allowed = [f"{secret} ({waiver})" for secret in self.secrets if (waiver := self._waiver(secret))]
        note = f", allowed: {len(allowed)} ({', '.join(allowed)})" if allowed else ""
        return f"{self.layers} layers, no key or token{note}"

    @property
    def text(self) -> str:
        """All secrets, a line each, with the waiver that allows one or has expired."""
        lines = [
            f"{secret.title}: {secret}{f' (allowed {waiver})' if waiver else self._expired(secret)}"
            for secret in self.secrets
            for waiver in [self._waiver(secret)]
        ]
        return "\n".join([*lines, f"{self.layers} layers scanned", ""])

    def _waiver(self, secret: ExposedSecret) -> Waiver | None:
        return next(filter(secret.is_covered, self.waivers.active), None)

    def _expired(self, secret: ExposedSecret) -> str:
        expired = next(filter(secret.is_covered, self.waivers.expired), None)
        return f", allowed {expired}" if expired else ""


def _secrets(results: Any) -> Iterator[ExposedSecret]:  # noqa: ANN401 - JSON of any type
    for result in results:
        for found in result.get("Secrets") or []:
            path = result["Target"] if "Layer" in found else _CONFIGURATION
            yield ExposedSecret(found["RuleID"], found.get("Title", ""), path, int(found.get("StartLine", 0)))
