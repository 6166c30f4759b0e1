"""Waivers: accepted findings, with owner and end date."""

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stage_ci.errors import InvalidWaiver
from stage_ci.rules.waivers import Waivers, raise_if_misnamed_list

TODAY = date(2026, 5, 4)
ENTRY = "vulnerabilities: [{id: CVE-1, owner: team-a, expired_at: 2026-12-31%s}]"
LIST = """\
vulnerabilities:
  - id: CVE-2025-43859
    owner: Jörg <joerg@example.com>
    expired_at: 2026-12-31
    statement: >
      Chunked bodies end at the proxy,
      which parses them itself.
    purls: [pkg:pypi/h11@0.14.0]
  - id: CVE-2024-33663
    owner: team-b
    expired_at: 2026-05-04
    paths: [app/**]
secrets:
  - id: aws-access-key-id
"""


def test_an_entry_has_identifier_owner_and_end_date() -> None:
    """An entry in Trivy's format with an owner is read, and its text has end date, owner and statement."""
    (waiver,) = Waivers.read(LIST, TODAY).active
    assert (waiver.identifier, waiver.owner, waiver.expires) == (
        "CVE-2025-43859",
        "Jörg <joerg@example.com>",
        date(2026, 12, 31),
    )
    assert str(waiver) == (
        "until 2026-12-31 by Jörg <joerg@example.com>: Chunked bodies end at the proxy, which parses them itself."
    )


@pytest.mark.fault(38)
@pytest.mark.parametrize(("days", "active"), [(-1, True), (0, False), (1, False)])
def test_an_entry_expires_on_its_end_date(days: int, active: bool) -> None:  # noqa: FBT001 - the example's second half
    """An entry is active on the day before expired_at and expired from that day on, as in Trivy."""
    waivers = Waivers.read(ENTRY % "", date(2026, 12, 31) + timedelta(days=days))
    assert (len(waivers.active), len(waivers.expired)) == (active, not active)


@pytest.mark.fault(38)
def test_trivy_gets_the_active_entries_without_dates() -> None:
    """The list for Trivy contains the active entries only, with owner and end date in the statement."""
    assert json.loads(Waivers.read(LIST, TODAY).for_trivy()) == {
        "vulnerabilities": [
            {
                "id": "CVE-2025-43859",
                "statement": "until 2026-12-31 by Jörg <joerg@example.com>: Chunked bodies end at the proxy, "
                "which parses them itself.",
                "purls": ["pkg:pypi/h11@0.14.0"],
            }
        ]
    }


def test_a_long_statement_is_shortened() -> None:
    """The text of an entry has at most 200 characters."""
    (waiver,) = Waivers.read(ENTRY % f", statement: {'because ' * 200}", TODAY).active
    assert len(str(waiver)) <= 200
    assert str(waiver).endswith(" …")


@pytest.mark.fault(53)
@pytest.mark.parametrize(("day", "valid"), [("2027-05-05", True), ("2027-05-06", False), ("9999-12-31", False)])
def test_an_entry_ends_within_a_year(day: str, valid: bool) -> None:  # noqa: FBT001 - as above
    """An entry that ends later than in a year is an error that names it and the last possible day."""
    text = (ENTRY % "").replace("2026-12-31", day)
    if valid:
        assert Waivers.read(text, TODAY).active
    else:
        error = r"entry 1 \(CVE-1\): expected expired_at to be within a year; give a date up to 2027-05-05$"
        with pytest.raises(InvalidWaiver, match=error):
            Waivers.read(text, TODAY)


@pytest.mark.parametrize(
    ("limits", "covered"),
    [
        ("", True),
        (", purls: [pkg:pypi/h11]", True),
        (", purls: [pkg:pypi/x, pkg:pypi/h11@0.14.0]", True),
        (", purls: [pkg:pypi/h11@0.14.0?x=1]", True),
        (", purls: [pkg:pypi/H11]", True),
        (", purls: [pkg:pypi/h11@0.14.0?arch=any]", False),
        (", purls: [pkg:pypi/h11@0.15.0]", False),
        (", purls: [pkg:pypi/h1]", False),
        (", purls: [pkg:npm/h11]", False),
        (", paths: [app/**]", True),
        (", paths: [app/*/METADATA]", True),
        (", paths: ['**/METADATA']", True),
        (", paths: [app/*]", False),
        (", paths: [opt/**]", False),
        (", purls: [pkg:pypi/h11], paths: [opt/**]", False),
    ],
)
def test_an_entry_covers_what_its_limits_name(limits: str, covered: bool) -> None:  # noqa: FBT001 - as above
    """An entry with package URLs or paths is for packages that both of them name, with any version or with one."""
    (waiver,) = Waivers.read(ENTRY % limits, TODAY).active
    assert waiver.covers("CVE-1", "pkg:pypi/h11@0.14.0?x=1", "app/h11-0.14.0.dist-info/METADATA") is covered
    assert not waiver.covers("CVE-2", "pkg:pypi/h11@0.14.0", "app/h11-0.14.0.dist-info/METADATA")


@pytest.mark.parametrize(
    "limit",
    ["pkg:npm/%40scope/name", "pkg:npm/@scope/name", "pkg:npm/@scope/name@1.0", "pkg:npm/%40scope/name@1.0"],
)
def test_a_package_with_a_scope_is_compared_by_meaning(limit: str) -> None:
    """The sign @ of a scope, written as it is or encoded, does not begin the version."""
    (waiver,) = Waivers.read(ENTRY % f", purls: ['{limit}']", TODAY).active
    assert waiver.covers("CVE-1", "pkg:npm/%40scope/name@1.0", "")


def test_the_entry_that_expired_last_is_returned() -> None:
    """`expired_for` returns the newest of several expired entries, and None if no entry has expired."""
    entries = ", ".join(
        f"{{id: CVE-1, owner: {owner}, expired_at: {day}}}"
        for owner, day in [("early", "2026-01-01"), ("late", "2026-02-01"), ("middle", "2026-01-15")]
    )
    waivers = Waivers.read(f"vulnerabilities: [{entries}]", TODAY)
    expired = waivers.expired_for("CVE-1", "pkg:pypi/h11@0.14.0", "")
    assert expired
    assert expired.owner == "late"
    assert waivers.expired_for("CVE-2", "pkg:pypi/h11@0.14.0", "") is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}", "vulnerabilities:\n", "vulnerabilities: []"])
def test_a_list_may_be_empty(text: str) -> None:
    """A file without entries has no waivers and is valid."""
    assert Waivers.read(text, TODAY) == Waivers()


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("vulnerabilities: [{id: CVE-1, expired_at: 2026-12-31}]", "entry 1 (CVE-1): expected owner to be a text"),
        (
            "vulnerabilities: [{id: CVE-1, owner: '  ', expired_at: 2026-12-31}]",
            "entry 1 (CVE-1): expected owner to be a text",
        ),
        (
            "vulnerabilities: [{id: CVE-1, owner: [a], expired_at: 2026-12-31}]",
            "entry 1 (CVE-1): expected owner to be a text",
        ),
        ("vulnerabilities: [{id: CVE-1, owner: team-a}]", "entry 1 (CVE-1): expected expired_at to be a date"),
        (LIST.replace("expired_at", "#", 1), "entry 1 (CVE-2025-43859): expected expired_at to be a date"),
        (ENTRY.replace("2026-12-31", "soon") % "", "entry 1 (CVE-1): expected expired_at to be a date"),
        (ENTRY.replace("2026-12-31", "2026-12-31 12:00:00") % "", "entry 1 (CVE-1): expected expired_at to be a date"),
        (ENTRY.replace("2026-12-31", "2026-13-31") % "", "invalid YAML"),
        ("vulnerabilities: [{owner: a, expired_at: 2026-12-31}]", "entry 1: expected id to be a text"),
        ("vulnerabilities: [CVE-1]", "entry 1: expected a mapping"),
        ("vulnerabilities: CVE-1", "expected vulnerabilities to be a list"),
        ("- CVE-1", "expected a mapping with a list of vulnerabilities"),
        ("vulnerabilites: []", "unknown key 'vulnerabilites'"),
        (ENTRY % ", purl: [pkg:pypi/h11]", "entry 1 (CVE-1): unknown key 'purl'"),
        (ENTRY % ", purl: pkg:pypi/h11", "entry 1 (CVE-1): unknown key 'purl'"),
        (ENTRY % ", 7: x", "entry 1 (CVE-1): a key is not a text"),
        (ENTRY % ", purls: []", "entry 1 (CVE-1): expected purls to be a list of purls"),
        (ENTRY % ", purls: pkg:pypi/h11", "entry 1 (CVE-1): expected purls to be a list of purls"),
        (ENTRY % ", purls: [pkg:pypi/h11, h11]", "entry 1 (CVE-1): expected purls to be a list of purls"),
        (ENTRY % ", paths: [7]", "entry 1 (CVE-1): expected paths to be a list of paths"),
        (ENTRY % ", paths: ['app/{a,b']", "entry 1 (CVE-1): invalid pattern 'app/{a,b'"),
        (ENTRY % ", paths: {app: x}", "entry 1 (CVE-1): expected paths to be a list of paths"),
        (ENTRY % ", statement: 7", "entry 1 (CVE-1): expected statement to be a text"),
        (ENTRY % ", owner: team-b", "invalid YAML, line 1"),
        ("vulnerabilities: [\n", "invalid YAML, line 2"),
        ("a: *b", "invalid YAML, line 1"),
        ("[" * 1_000, "invalid YAML"),
        ("? [a]\n: b", "a key is not a text"),
        ("\x00", "invalid YAML"),
        ("#" * 200_001, "more than 200000 characters"),
    ],
)
def test_an_invalid_list_is_rejected(text: str, cause: str) -> None:
    """A list in another format or an entry without owner or end date is an error that names entry and part."""
    with pytest.raises(InvalidWaiver) as rejected:
        Waivers.read(text, TODAY)
    assert rejected.value.cause.startswith(f"invalid .trivyignore.yaml: {cause}")


def test_the_error_for_an_unknown_key_lists_the_known_keys() -> None:
    """The remedy for an unknown key names all keys of an entry."""
    with pytest.raises(InvalidWaiver, match=r"; use expired_at, id, owner, paths, purls, statement$"):
        Waivers.read(ENTRY % ", purl: [pkg:pypi/h11]", TODAY)


def test_aliases_that_multiply_are_not_expanded() -> None:
    """A list with eleven levels of ninefold aliases is rejected at once, because its keys are unknown."""
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))
    with pytest.raises(InvalidWaiver, match="unknown key 'l0'"):
        Waivers.read(f"l0: &l0 [x]\n{levels}\n", TODAY)


@given(st.text(alphabet=st.sampled_from("[]{}:,-? \n'\"&*!|>#a1") | st.characters(), max_size=30))
def test_any_text_is_a_list_or_an_invalid_waiver(text: str) -> None:
    """No text causes another exception than InvalidWaiver."""
    try:
        Waivers.read(text, TODAY)
    except InvalidWaiver:
        return


@given(st.text(min_size=1))
def test_the_list_for_trivy_is_valid_for_any_owner(owner: str) -> None:
    """The list for Trivy is valid JSON and valid YAML for any characters in the owner's name."""
    try:
        waivers = Waivers.read((ENTRY % "").replace("team-a", json.dumps(owner)), TODAY)
    except InvalidWaiver:
        return
    assert YAML(typ="safe", pure=True).load(waivers.for_trivy()) == json.loads(waivers.for_trivy())


@pytest.mark.parametrize("name", [".trivyignore", ".trivyignore.yml"])
def test_a_list_under_another_name_is_rejected(name: str) -> None:
    """A list of waivers under a name that is not read is an error, so that it is not ignored without notice."""
    with pytest.raises(InvalidWaiver, match=rf"{name} is not read; move its entries to \.trivyignore\.yaml, each with"):
        raise_if_misnamed_list({"Dockerfile", name})


def test_a_list_under_its_own_name_is_accepted() -> None:
    """A .trivyignore.yaml beside other files is accepted."""
    raise_if_misnamed_list({"Dockerfile", ".trivyignore.yaml"})
