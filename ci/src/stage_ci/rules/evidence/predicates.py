"""What the statements of a release say: how its image was built, and what the scan found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stage_ci.rules.claim import InputDigest
from stage_ci.rules.dockerfile import PLATFORM
from stage_ci.rules.evidence.statement import Kind
from stage_ci.rules.release import ReleaseLine
from stage_ci.rules.revision import Revision
from stage_ci.rules.verdict import Finding, Verdict
from stage_ci.rules.version import Version

# Where the format of the parameters and the builder are described.
_HOME: Final = "https://github.com/MLOps-CallcenterAI/Model1-TF-IDF-SVM/blob/main/docs/evidence.md"
BUILD_TYPE: Final = f"{_HOME}#provenance"
BUILDER: Final = f"{_HOME}#builder"
# Fields and annotations of this module's own, with its prefix (in-toto, spec/v1/README.md, "Parsing rules").
_VERDICT: Final = "ci.stage.verdict"
_SUMMARY: Final = "ci.stage.summary"


@dataclass(frozen=True, slots=True)
class Build:
    """How an image was built.

    Attributes:
        line: The image and its version line.
        version: The version that it was built for.
        inputs: The digest of its inputs.
        bases: The resolved reference, with its digest, of each image that the build depends on, by its name.
        revision: The revision of the source; None if it is unknown.
        versions: The versions of the builder's parts, by name.
        tools: The resolved reference of each image that the builder runs, by its name.
        finished: When the build was published.
    """

    line: ReleaseLine
    version: Version
    inputs: InputDigest
    bases: Mapping[str, str]
    revision: Revision | None
    versions: Mapping[str, str]
    tools: Mapping[str, str]
    finished: datetime


def provenance(build: Build) -> dict[str, Any]:
    """Return the SLSA provenance of an image (https://slsa.dev/spec/v1.1/provenance)."""
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "image": str(build.line.repository),
                "versionLine": str(build.line.versions),
                "version": str(build.version),
                "dockerfile": "Dockerfile",
                "platform": PLATFORM,
                "inputs": str(build.inputs),
            },
            "resolvedDependencies": list(_materials(build)),
        },
        "runDetails": {
            "builder": {
                "id": BUILDER,
                "version": dict(build.versions),
                "builderDependencies": list(_images(build.tools)),
            },
            "metadata": {"finishedOn": timestamp(build.finished)},
        },
    }


def vulnerabilities(verdict: Verdict, scanner: str, scanned: datetime) -> dict[str, Any]:
    """Return what a scan found, and whether the image passed.

    Args:
        verdict: The verdict.
        scanner: The scanner's image, such as ``aquasec/trivy`` with a tag, and possibly a digest.
        scanned: When the verdict was reached.
    """
    name, _, version = scanner.partition("@")[0].partition(":")
    found = [(finding, "") for finding in verdict.findings]
    found += [(each.finding, each.reason) for each in verdict.suppressed]
    return {
        "scanner": {
            "uri": f"pkg:docker/{name}@{version}",
            "version": version,
            "db": {"lastUpdate": f"{verdict.advisories.updated}T00:00:00Z"},
            "result": [_result(finding, reason) for finding, reason in found],
        },
        "metadata": {"scanStartedOn": timestamp(scanned), "scanFinishedOn": timestamp(scanned)},
        _VERDICT: "none" if verdict.advisories.sample else "passed",
        _SUMMARY: verdict.summary,
    }


def timestamp(moment: datetime) -> str:
    """Return a time in UTC in the format of in-toto (RFC 3339, in seconds)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def built_for(predicate: Mapping[str, Any]) -> tuple[str, str]:
    """Return the version and the digest of the inputs in a provenance; empty if it names none."""
    path = ("buildDefinition", "externalParameters")
    return _text(predicate, *path, "version"), _text(predicate, *path, "inputs")


def describe(kind: Kind, predicate: Mapping[str, Any]) -> str:
    """Return one line about a statement of ``kind``, for people."""
    match kind:
        case Kind.SBOM:
            components = predicate.get("components")
            count = len(components) if isinstance(components, list) else 0
            return f"{predicate.get('bomFormat')} {predicate.get('specVersion')}, {count} components"
        case Kind.PROVENANCE:
            dependencies = _value(predicate, "buildDefinition", "resolvedDependencies")
            listed = dependencies if isinstance(dependencies, list) else []
            names = [str(each.get("name")) for each in listed if isinstance(each, dict)]
            return f"SLSA provenance of {_text(predicate, 'runDetails', 'metadata', 'finishedOn')}: {', '.join(names)}"
        case Kind.VERDICT:
            return f"{predicate.get(_VERDICT)}: {predicate.get(_SUMMARY)}"
        case Kind.SIGNATURE:
            return "of the image's digest"


def _value(fields: object, *keys: str) -> Any:  # noqa: ANN401 - JSON of any type
    for key in keys:
        fields = fields.get(key) if isinstance(fields, dict) else None
    return fields


def _text(fields: object, *keys: str) -> str:
    return str(_value(fields, *keys) or "")


def _materials(build: Build) -> Iterator[dict[str, Any]]:
    if build.revision:
        yield {"name": "source", "digest": {"gitCommit": build.revision.commit}}
    yield {"name": "inputs", "digest": {"sha256": str(build.inputs).partition(":")[2]}}
    yield from _images(build.bases)


def _images(references: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for name, reference in sorted(references.items()):
        image, _, digest = reference.rpartition("@")
        algorithm, _, value = digest.partition(":")
        yield {"name": name, "uri": f"oci://{image}", "digest": {algorithm: value}}


def _result(finding: Finding, reason: str) -> dict[str, Any]:
    annotations = {"package": finding.purl or finding.package, "fixedIn": finding.fixed, "suppressed": reason}
    return {
        "id": finding.identifier,
        "severity": [{"method": "trivy", "score": finding.severity}],
        "annotations": [{key: value} for key, value in annotations.items() if value],
    }
