"""VEX statements about an image's vulnerabilities."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidVex
from stage_ci.rules.vex import raise_if_invalid_vex

STATEMENT: dict[str, Any] = {
    "vulnerability": {"name": "CVE-2025-43859"},
    "products": [{"@id": "pkg:pypi/h11@0.14.0"}],
    "status": "not_affected",
    "justification": "vulnerable_code_not_in_execute_path",
}
DOCUMENT: dict[str, Any] = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://example.com/vex-1",
    "author": "team-a@example.com",
    "timestamp": "2026-05-04T00:00:00Z",
    "version": 1,
    "statements": [STATEMENT],
}


OLD_FORMAT = "statement 1: expected vulnerability to be an object, and products a list of objects"


def without(key: str) -> dict[str, Any]:
    """Return the statement without one key."""
    return {name: value for name, value in STATEMENT.items() if name != key}


@pytest.mark.parametrize(
    "statement",
    [
        STATEMENT,
        without("justification") | {"impact_statement": "the parser is never called"},
        without("justification") | {"status": "fixed", "status_notes": "the base image backports the patch"},
        without("justification") | {"status": "under_investigation"},
        without("justification") | {"status": "affected", "action_statement": "raise it"},
    ],
)
def test_a_document_with_reasons_is_accepted(statement: dict[str, Any]) -> None:
    """A statement needs a reason only if its status suppresses the finding: not_affected or fixed."""
    raise_if_invalid_vex(json.dumps(DOCUMENT | {"statements": [statement]}))


@pytest.mark.fault(38, 53)
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"@context": "https://example.com"}, "expected an @context that starts with https://openvex.dev/ns"),
        ({"@context": None}, "expected an @context that starts with https://openvex.dev/ns"),
        ({"author": " "}, "the author is missing"),
        ({"statements": None}, "expected statements to be a list of objects"),
        ({"statements": ["x"]}, "expected statements to be a list of objects"),
        (
            {"statements": [STATEMENT, without("justification")]},
            "statement 2 is not_affected without a reason",
        ),
        ({"statements": [STATEMENT | {"justification": ""}]}, "statement 1 is not_affected without a reason"),
        ({"statements": [STATEMENT | {"status": "fixed"}]}, "statement 1 is fixed without a reason"),
        ({"statements": [STATEMENT | {"status": "not-affected"}]}, "statement 1 has the status 'not-affected'"),
        ({"statements": [without("status")]}, "statement 1 has the status ''"),
        ({"statements": [STATEMENT | {"status": "fixed "}]}, "statement 1 has the status 'fixed '"),
        ({"statements": [STATEMENT | {"status": ["fixed"]}]}, "statement 1 has the status \"['fixed']\""),
        ({"statements": [STATEMENT | {"justification": "no_time"}]}, "statement 1 has the justification 'no_time'"),
        ({"statements": [STATEMENT | {"vulnerability": "CVE-2025-43859"}]}, OLD_FORMAT),
        ({"statements": [STATEMENT | {"products": ["pkg:pypi/h11@0.14.0"]}]}, OLD_FORMAT),
    ],
)
def test_a_document_without_author_or_reasons_is_rejected(change: dict[str, Any], cause: str) -> None:
    """A document without context, author, statements or a reason is an error that names the part."""
    with pytest.raises(InvalidVex) as rejected:
        raise_if_invalid_vex(json.dumps(DOCUMENT | change))
    assert rejected.value.cause == f"invalid .openvex.json: {cause}"


@pytest.mark.parametrize("text", ["", "<xml/>", "[]", "7", '{"bomFormat": "CycloneDX"}', "[" * 100_000])
def test_another_format_is_rejected(text: str) -> None:
    """XML, JSON without the OpenVEX context, CycloneDX and deeply nested JSON are errors."""
    with pytest.raises(InvalidVex):
        raise_if_invalid_vex(text)


json_values = st.recursive(
    st.none() | st.integers() | st.sampled_from(["", "x", "https://openvex.dev/ns", "not_affected"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["@context", "author", "statements", "status"]), inner)
    ),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_accepted_or_an_invalid_document(value: object) -> None:
    """No JSON causes another exception than InvalidVex."""
    try:
        raise_if_invalid_vex(json.dumps(value))
    except InvalidVex:
        return


@pytest.mark.fault(53)
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('"statements": [], "Statements": [{"status": "fixed"}]', "statements"),
        ('"statements": [{"status": "affected", "STATUS": "fixed"}]', "status"),
        ('"statements": [{"status": "affected", "\u017ftatus": "fixed"}]', "status"),
        ('"statements": [{"status": "fixed", "status": "affected"}]', "status"),
    ],
)
def test_a_key_that_trivy_would_take_for_another_one_is_rejected(text: str, key: str) -> None:
    """Trivy reads keys without regard to case and takes the last one, which would hide a statement from this check."""
    document = f'{{"@context": "https://openvex.dev/ns/v0.2.0", "author": "team-a", {text}}}'
    with pytest.raises(InvalidVex, match=rf"^scan: invalid \.openvex\.json: an object has '{key}' twice"):
        raise_if_invalid_vex(document)
