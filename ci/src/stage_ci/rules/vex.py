"""VEX statements about an image's vulnerabilities: the source's .openvex.json.

Format: OpenVEX (https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md). Trivy also reads CycloneDX and CSAF, which
are not supported here: a CycloneDX document refers to an SBOM by its serial number, which differs in every run.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from stage_ci.errors import InvalidVex

VEX_FILE: Final = ".openvex.json"
# The start of the context in every version of the specification, "The VEX Document".
_CONTEXT: Final = "https://openvex.dev/ns"
# What a status needs as a reason. Both suppress a finding. The specification requires one of the former's with
# not_affected, "Status Justifications"; Trivy requires neither.
_REASONS: Final = {
    "not_affected": ("justification", "impact_statement"),
    "fixed": ("status_notes", "action_statement", "impact_statement"),
}
_STATUSES: Final = (*_REASONS, "affected", "under_investigation")  # "Status Labels"
_JUSTIFICATIONS: Final = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)


def raise_if_invalid_vex(text: str) -> None:
    """Raise if ``text`` is not an OpenVEX document with an author, and a reason for each not_affected and fixed.

    Raises:
        InvalidVex: if it is not; names the part.
    """
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InvalidVex(f"invalid {VEX_FILE}: not valid JSON") from error
    if not isinstance(document, dict) or not _text(document, "@context").startswith(_CONTEXT):
        raise InvalidVex(f"invalid {VEX_FILE}: expected an @context that starts with {_CONTEXT}")
    if not _text(document, "author"):
        raise InvalidVex(f"invalid {VEX_FILE}: the author is missing")
    statements: Any = document.get("statements")
    if not _are_objects(statements):
        raise InvalidVex(f"invalid {VEX_FILE}: expected statements to be a list of objects")
    for number, statement in enumerate(statements, start=1):
        _raise_if_unfounded(statement, f"invalid {VEX_FILE}: statement {number}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, in which Trivy would read `Status` as another `status`: Go's encoding/json, Unmarshal.

    Raises:
        InvalidVex: if it has a key twice.
    """
    for key, count in Counter(key.casefold() for key, _ in pairs).items():
        if count > 1:
            raise InvalidVex(f"invalid {VEX_FILE}: an object has {key[:40]!r} twice", remedy="remove one of the two")
    return dict(pairs)


def _are_objects(value: Any) -> bool:  # noqa: ANN401 - JSON of any type
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _raise_if_unfounded(statement: Mapping[str, Any], where: str) -> None:
    status, justification = statement.get("status", ""), _text(statement, "justification")
    if not isinstance(statement.get("vulnerability", {}), dict) or not _are_objects(statement.get("products", [])):
        raise InvalidVex(
            f"{where}: expected vulnerability to be an object, and products a list of objects",
            remedy='write them as OpenVEX 0.2.0 does: {"name": "CVE-…"} and [{"@id": "pkg:…"}]',
        )
    if status not in _STATUSES:
        raise InvalidVex(f"{where} has the status {str(status)[:40]!r}", remedy=f"use {', '.join(_STATUSES)}")
    if justification and justification not in _JUSTIFICATIONS:
        raise InvalidVex(
            f"{where} has the justification {justification[:60]!r}", remedy=f"use {', '.join(_JUSTIFICATIONS)}"
        )
    reasons = _REASONS.get(status, ())
    if reasons and not any(_text(statement, key) for key in reasons):
        raise InvalidVex(f"{where} is {status} without a reason", remedy=f"give one of {', '.join(reasons)}")


def _text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value.strip() if isinstance(value, str) else ""
