"""VEX statements about an image's vulnerabilities: the source's .openvex.json.

Format: OpenVEX (https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md). Trivy also reads CycloneDX and CSAF, which
are not supported here: a CycloneDX document refers to an SBOM by its serial number, which differs in every run.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from stage_ci.errors import InvalidVex

VEX_FILE: Final = ".openvex.json"
# The start of the context in every version of the specification, "The VEX Document".
_CONTEXT: Final = "https://openvex.dev/ns"
_NOT_AFFECTED: Final = "not_affected"
# The specification requires one of them with not_affected, "Status Justifications"; Trivy requires neither.
_REASONS: Final = ("justification", "impact_statement")


def raise_if_invalid_vex(text: str) -> None:
    """Raise if ``text`` is not an OpenVEX document with an author and a reason for each not_affected.

    Raises:
        InvalidVex: if it is not; names the part.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidVex(f"invalid {VEX_FILE}: not valid JSON") from error
    if not isinstance(document, dict) or not _text(document, "@context").startswith(_CONTEXT):
        raise InvalidVex(f"invalid {VEX_FILE}: expected an @context that starts with {_CONTEXT}")
    if not _text(document, "author"):
        raise InvalidVex(f"invalid {VEX_FILE}: the author is missing")
    statements = document.get("statements")
    if not isinstance(statements, list) or not all(isinstance(statement, dict) for statement in statements):
        raise InvalidVex(f"invalid {VEX_FILE}: expected statements to be a list of objects")
    for number, statement in enumerate(statements, start=1):
        if statement.get("status") == _NOT_AFFECTED and not any(_text(statement, key) for key in _REASONS):
            raise InvalidVex(f"invalid {VEX_FILE}: statement {number} is {_NOT_AFFECTED} without a justification")


def _text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value.strip() if isinstance(value, str) else ""
