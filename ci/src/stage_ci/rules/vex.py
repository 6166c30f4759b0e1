"""What the makers of an image say of its vulnerabilities: the source's .openvex.json.

Format: OpenVEX (https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md). Trivy reads CycloneDX and CSAF as well; a
CycloneDX document names the bill of materials by a serial number, which is another one in every run.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from stage_ci.errors import InvalidVex

VEX_FILE: Final = ".openvex.json"
# Of every version of the specification, "The VEX Document".
_CONTEXT: Final = "https://openvex.dev/ns"
_NOT_AFFECTED: Final = "not_affected"
# One of them explains a not_affected: "Status Justifications" of the specification. Trivy asks for neither.
_REASONS: Final = ("justification", "impact_statement")


def require_openvex(text: str) -> None:
    """Do nothing if ``text`` is an OpenVEX document that says who says so, and why something is not affected.

    Raises:
        InvalidVex: if it is not.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidVex(f"{VEX_FILE} is no JSON") from error
    if not isinstance(document, dict) or not _text(document, "@context").startswith(_CONTEXT):
        raise InvalidVex(f"{VEX_FILE} is no OpenVEX document: its @context does not begin with {_CONTEXT}")
    if not _text(document, "author"):
        raise InvalidVex(f"{VEX_FILE} names no author")
    statements = document.get("statements")
    if not isinstance(statements, list) or not all(isinstance(statement, dict) for statement in statements):
        raise InvalidVex(f"{VEX_FILE} has no list of statements")
    for number, statement in enumerate(statements, start=1):
        _require_reason(statement, f"statement {number} of {VEX_FILE}")


def _require_reason(statement: Mapping[str, Any], where: str) -> None:
    unexplained = not any(_text(statement, key) for key in _REASONS)
    if statement.get("status") == _NOT_AFFECTED and unexplained:
        raise InvalidVex(f"{where} says {_NOT_AFFECTED} without a justification")


def _text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value.strip() if isinstance(value, str) else ""
