"""What the makers of an image say of its vulnerabilities."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidVex
from stage_ci.rules.vex import require_openvex

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


def without(key: str) -> dict[str, Any]:
    """Return the statement without a key."""
    return {name: value for name, value in STATEMENT.items() if name != key}


@pytest.mark.parametrize(
    "statement",
    [
        STATEMENT,
        without("justification") | {"impact_statement": "the parser is never called"},
        without("justification") | {"status": "fixed"},
        without("justification") | {"status": "affected", "action_statement": "raise it"},
    ],
)
def test_a_document_that_explains_itself_is_taken(statement: dict[str, Any]) -> None:
    """Only what is not affected asks for a reason."""
    require_openvex(json.dumps(DOCUMENT | {"statements": [statement]}))


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"@context": "https://example.com"}, "is no OpenVEX document"),
        ({"@context": None}, "is no OpenVEX document"),
        ({"author": " "}, "names no author"),
        ({"statements": None}, "has no list of statements"),
        ({"statements": ["x"]}, "has no list of statements"),
        ({"statements": [STATEMENT, without("justification")]}, "statement 2 of .* without a justification"),
        ({"statements": [STATEMENT | {"justification": ""}]}, "statement 1 of .* without a justification"),
    ],
)
def test_a_document_that_explains_nothing_is_refused(change: dict[str, Any], cause: str) -> None:
    """Who says so, and why, is what makes it more than a switch."""
    with pytest.raises(InvalidVex, match=cause):
        require_openvex(json.dumps(DOCUMENT | change))


@pytest.mark.parametrize("text", ["", "<xml/>", "[]", "7", '{"bomFormat": "CycloneDX"}', "[" * 100_000])
def test_another_format_is_refused(text: str) -> None:
    """A CycloneDX document would have to name this run's own bill of materials."""
    with pytest.raises(InvalidVex):
        require_openvex(text)


json_values = st.recursive(
    st.none() | st.integers() | st.sampled_from(["", "x", "https://openvex.dev/ns", "not_affected"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["@context", "author", "statements", "status"]), inner)
    ),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_taken_or_refused(value: object) -> None:
    """No other exception reaches the caller."""
    try:
        require_openvex(json.dumps(value))
    except InvalidVex:
        return
