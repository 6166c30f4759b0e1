"""Which findings somebody answers for, and until when."""

import json
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stage_ci.errors import InvalidWaiver
from stage_ci.rules.waivers import Waivers, require_one_list

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


def test_an_entry_names_what_who_and_until_when() -> None:
    """As Trivy's users write it, with an owner."""
    (held,) = Waivers.read(LIST, TODAY).held
    assert (held.identifier, held.owner, held.expires) == (
        "CVE-2025-43859",
        "Jörg <joerg@example.com>",
        date(2026, 12, 31),
    )
    assert str(held) == (
        "until 2026-12-31 by Jörg <joerg@example.com>: Chunked bodies end at the proxy, which parses them itself."
    )


@pytest.mark.fault(38)
@pytest.mark.parametrize(("days", "holds"), [(-1, True), (0, False), (1, False)])
def test_an_entry_is_over_from_its_day_on(days: int, holds: bool) -> None:  # noqa: FBT001 - the example's second half
    """As for Trivy, to which that day is the midnight with which it begins."""
    waivers = Waivers.read(ENTRY % "", date(2026, 12, 31) + timedelta(days=days))
    assert (len(waivers.held), len(waivers.expired)) == (holds, not holds)


@pytest.mark.fault(38)
def test_trivy_gets_what_holds_and_no_date() -> None:
    """Its clock has no say, and the list is another one once an entry is over."""
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


def test_a_long_reason_is_cut() -> None:
    """Reports repeat it in a line."""
    (held,) = Waivers.read(ENTRY % f", statement: {'because ' * 200}", TODAY).held
    assert len(str(held)) <= 200
    assert str(held).endswith(" …")


def test_the_entry_that_ended_last_speaks_for_a_finding() -> None:
    """A renewed entry may stand beside the one it renews."""
    entries = ", ".join(
        f"{{id: CVE-1, owner: {owner}, expired_at: {day}}}"
        for owner, day in [("early", "2026-01-01"), ("late", "2026-02-01"), ("middle", "2026-01-15")]
    )
    waivers = Waivers.read(f"vulnerabilities: [{entries}]", TODAY)
    over = waivers.over("CVE-1")
    assert over
    assert over.owner == "late"
    assert waivers.over("CVE-2") is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}", "vulnerabilities:\n", "vulnerabilities: []"])
def test_a_list_may_be_empty(text: str) -> None:
    """Nobody answers for anything."""
    assert Waivers.read(text, TODAY) == Waivers()


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("vulnerabilities: [{id: CVE-1, expired_at: 2026-12-31}]", "entry 1 of .* \\(CVE-1\\) has no text as owner"),
        ("vulnerabilities: [{id: CVE-1, owner: '  ', expired_at: 2026-12-31}]", "has no text as owner"),
        ("vulnerabilities: [{id: CVE-1, owner: [a], expired_at: 2026-12-31}]", "has no text as owner"),
        ("vulnerabilities: [{id: CVE-1, owner: team-a}]", "entry 1 of .* \\(CVE-1\\) has no day as expired_at"),
        ("vulnerabilities: [{id: CVE-1, owner: a, expired_at: soon}]", "has no day as expired_at"),
        ("vulnerabilities: [{id: CVE-1, owner: a, expired_at: 2026-12-31 12:00:00}]", "has no day as expired_at"),
        ("vulnerabilities: [{id: CVE-1, owner: a, expired_at: 2026-13-31}]", "is no valid YAML"),
        ("vulnerabilities: [{owner: a, expired_at: 2026-12-31}]", "entry 1 of .* has no text as id"),
        ("vulnerabilities: [CVE-1]", "entry 1 of .* is no mapping"),
        ("vulnerabilities: CVE-1", "vulnerabilities in .* is no list"),
        ("- CVE-1", "is no mapping with a list of vulnerabilities"),
        ("vulnerabilites: []", "has a key 'vulnerabilites'"),
        (ENTRY % ", purl: [pkg:pypi/h11]", "has a key 'purl'; use expired_at, id, owner, paths, purls, statement"),
        (ENTRY % ", 7: x", "has a key that is no text"),
        (ENTRY % ", purls: []", "has no list of purls"),
        (ENTRY % ", purls: pkg:pypi/h11", "has no list of purls"),
        (ENTRY % ", purls: [pkg:pypi/h11, h11]", "has no list of purls"),
        (ENTRY % ", paths: [7]", "has no list of paths"),
        (ENTRY % ", paths: {app: x}", "has no list of paths"),
        (ENTRY % ", statement: 7", "has no text as statement"),
        (ENTRY % ", owner: team-b", "is no valid YAML, line 1"),
        ("vulnerabilities: [\n", "is no valid YAML, line 2"),
        ("a: *b", "is no valid YAML, line 1"),
        ("[" * 1_000, "is no valid YAML"),
        ("? [a]\n: b", "has a key that is no text"),
        ("\x00", "is no valid YAML"),
        ("#" * 200_001, "has more than 200000 characters"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(text: str, cause: str) -> None:
    """Nobody answers for it, or it would excuse more than somebody meant."""
    with pytest.raises(InvalidWaiver, match=f"^scan: .*{cause}"):
        Waivers.read(text, TODAY)


def test_aliases_that_multiply_cost_nothing() -> None:
    """They are followed where a text is expected, and nowhere else."""
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))
    with pytest.raises(InvalidWaiver, match="has a key 'l0'"):
        Waivers.read(f"l0: &l0 [x]\n{levels}\n", TODAY)


@given(st.text(alphabet=st.sampled_from("[]{}:,-? \n'\"&*!|>#a1") | st.characters(), max_size=30))
def test_any_text_is_a_list_or_an_error(text: str) -> None:
    """No other exception reaches the caller."""
    try:
        Waivers.read(text, TODAY)
    except InvalidWaiver:
        return


@given(st.text(min_size=1))
def test_whatever_an_owner_is_called_the_list_for_trivy_can_be_read(owner: str) -> None:
    """It is written as JSON, which is YAML except for some characters."""
    try:
        waivers = Waivers.read((ENTRY % "").replace("team-a", json.dumps(owner)), TODAY)
    except InvalidWaiver:
        return
    assert YAML(typ="safe", pure=True).load(waivers.for_trivy()) == json.loads(waivers.for_trivy())


@pytest.mark.parametrize("name", [".trivyignore", ".trivyignore.yml"])
def test_a_list_under_another_name_is_told(name: str) -> None:
    """Passing it over would surprise whoever wrote it."""
    with pytest.raises(InvalidWaiver, match=rf"{name} is not read; write its entries into \.trivyignore\.yaml"):
        require_one_list({"Dockerfile", name})


def test_the_list_has_one_name() -> None:
    """The one that Trivy documents."""
    require_one_list({"Dockerfile", ".trivyignore.yaml"})
