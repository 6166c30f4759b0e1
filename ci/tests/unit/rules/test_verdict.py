"""What a scan means for a release."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import NothingToCheck, ScannerUnavailable, StageError, VulnerableImage, WaiverExpired
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.verdict import Verdict, scanner_cause
from stage_ci.rules.waivers import Waiver, Waivers

SBOM = json.dumps(
    {
        "components": [
            {"type": "operating-system", "name": "debian"},
            {"type": "library", "name": "openssl"},
            {"type": "library", "name": "fastapi"},
        ]
    }
)
ADVISORIES = Advisories(date(2026, 5, 4), rehearsal=False)
FIXED = {
    "VulnerabilityID": "CVE-2026-1",
    "PkgName": "openssl",
    "InstalledVersion": "3.0.1",
    "FixedVersion": "3.0.2",
    "Severity": "CRITICAL",
}
UNFIXED = {key: value for key, value in FIXED.items() if key != "FixedVersion"} | {"VulnerabilityID": "CVE-2026-2"}

# What Trivy 0.74.0 wrote about three packages: one of a waiver, one of a VEX statement, and one without a fix.
WRITTEN = Path(__file__).parent / "testdata" / "scan"
OVER = Waiver("CVE-2026-1", "team-a", date(2026, 1, 31), "no path reaches it", {})

KEYS = ["Results", "Vulnerabilities", "ExperimentalModifiedFindings", "Type", "Status", "Finding", "components", "type"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("vulnerability"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


def read(
    *found: dict[str, Any],
    excused: list[dict[str, Any]] | None = None,
    sbom: str = SBOM,
    advisories: Advisories = ADVISORIES,
    over: tuple[Waiver, ...] = (),
) -> Verdict:
    """Return the verdict on an image in which these vulnerabilities were found."""
    results = [
        {"Target": "debian", "Class": "os-pkgs"},
        {"Vulnerabilities": list(found), "ExperimentalModifiedFindings": excused},
    ]
    return Verdict.read(json.dumps({"Results": results}), sbom, advisories, Waivers(expired=over))


def modified(status: str, statement: str, **found: str) -> dict[str, Any]:
    """Return a finding that Trivy suppressed, as it writes it."""
    source = ".trivyignore.yaml" if status == "ignored" else ".openvex.json"
    finding = FIXED | found
    return {
        "Type": "vulnerability",
        "Status": status,
        "Statement": statement,
        "Source": source,
        "Finding": finding,
    }


@pytest.mark.fault(38)
def test_what_trivy_writes_is_read() -> None:
    """Unfixed passes with a note, waived and not affected pass and are listed."""
    report, sbom = ((WRITTEN / name).read_text() for name in ("scan.json", "sbom.cdx.json"))
    verdict = Verdict.read(report, sbom, ADVISORIES, Waivers())
    verdict.raise_if_failed()
    assert verdict.summary == (
        "3 packages, nothing critical that has a fix, 1 critical without a fix, critical and excused: 2 "
        "(CVE-2025-43859 in h11 0.14.0 "
        "(ignored: until 2999-12-31 by team-a@example.com: chunked bodies end at the proxy), "
        "CVE-2024-33663 in python-jose 3.3.0 "
        "(not affected: vulnerable_code_not_in_execute_path)) (database of 2026-05-04)"
    )


def test_an_image_without_findings_may_be_released() -> None:
    """The summary says how much was looked at, and with a database of which day."""
    verdict = read()
    verdict.raise_if_failed()
    assert verdict.summary == "2 packages, nothing critical that has a fix (database of 2026-05-04)"


@pytest.mark.fault(38)
def test_a_critical_vulnerability_with_a_fix_forbids_a_release() -> None:
    """Named with its package, what is installed and what to raise it to."""
    with pytest.raises(
        VulnerableImage,
        match=r"critical vulnerabilities that have a fix: 1 \(CVE-2026-1 in openssl 3\.0\.1 \(fixed in 3\.0\.2\)\)",
    ):
        read(FIXED).raise_if_failed()


def test_only_the_first_few_are_named() -> None:
    """And all of them counted."""
    with pytest.raises(VulnerableImage) as refused:
        read(*[FIXED | {"VulnerabilityID": f"CVE-{number}"} for number in range(5)]).raise_if_failed()
    assert refused.value.cause.startswith("critical vulnerabilities that have a fix: 5 (")
    assert refused.value.cause.endswith(" and more)")
    assert refused.value.cause.count("CVE-") == 3


@pytest.mark.fault(38)
@pytest.mark.parametrize("fixed", [{}, {"FixedVersion": ""}, {"FixedVersion": None}])
def test_a_critical_vulnerability_without_a_fix_is_a_note(fixed: dict[str, Any]) -> None:
    """Nobody can mend it yet, so it passes and is told."""
    verdict = read(UNFIXED | fixed)
    verdict.raise_if_failed()
    assert ", 1 critical without a fix (" in verdict.summary
    assert str(verdict.findings[0]) == "CVE-2026-2 in openssl 3.0.1 (no fix yet)"


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("status", "statement", "told"),
    [
        ("ignored", "until 2099-12-31 by team-a: no path", "ignored: until 2099-12-31 by team-a: no path"),
        ("not_affected", "vulnerable_code_not_present", "not affected: vulnerable_code_not_present"),
        ("fixed", "", "fixed"),
    ],
)
def test_an_excused_critical_vulnerability_passes_and_is_listed(status: str, statement: str, told: str) -> None:
    """A waiver that holds, and a VEX statement, with whoever answers for it."""
    verdict = read(excused=[modified(status, statement)])
    verdict.raise_if_failed()
    assert f", critical and excused: 1 (CVE-2026-1 in openssl 3.0.1 ({told})) (database" in verdict.summary


def test_an_excused_lesser_vulnerability_is_in_the_table_only() -> None:
    """The line for a person is about what forbids a release."""
    assert "excused" not in read(excused=[modified("ignored", "", Severity="HIGH")]).summary


def test_what_is_suppressed_but_no_vulnerability_is_passed_over() -> None:
    """Trivy's other scanners have findings of other shapes."""
    assert read(excused=[{"Type": "secret", "Status": "ignored", "Finding": {}}]).excused == ()


@pytest.mark.fault(38)
@pytest.mark.parametrize("found", [FIXED, FIXED | {"FixedVersion": ""}])
def test_an_expired_waiver_of_a_critical_vulnerability_names_its_owner(found: dict[str, Any]) -> None:
    """With a fix or without, for somebody promised to have looked at it by then."""
    with pytest.raises(WaiverExpired) as refused:
        read(found, over=(OVER,)).raise_if_failed()
    assert refused.value.cause.startswith("critical vulnerabilities whose waiver is over: 1 (CVE-2026-1 in openssl")
    assert refused.value.cause.endswith(", waived until 2026-01-31 by team-a: no path reaches it)")


@pytest.mark.parametrize("found", [[], [FIXED | {"Severity": "HIGH"}], [UNFIXED]])
def test_an_expired_waiver_of_anything_else_is_no_reason(found: list[dict[str, Any]]) -> None:
    """The package was raised, or the finding would not have forbidden a release."""
    read(*found, over=(OVER,)).raise_if_failed()


@pytest.mark.parametrize("severity", ["HIGH", "MEDIUM", "LOW", "UNKNOWN", "critical?"])
def test_a_lesser_vulnerability_is_no_reason(severity: str) -> None:
    """With a fix or without."""
    verdict = read(FIXED | {"Severity": severity})
    verdict.raise_if_failed()
    assert "without a fix" not in verdict.summary


def test_an_image_without_packages_was_not_scanned() -> None:
    """The operating system alone is no package: nothing checked is a failure."""
    with pytest.raises(NothingToCheck, match=r"^scan: the scanner found no package"):
        read(sbom='{"components": [{"type": "operating-system"}]}').raise_if_failed()


def test_a_rehearsal_says_loudly_that_it_is_no_verdict() -> None:
    """The authored database knows a handful of advisories."""
    summary = read(UNFIXED, advisories=Advisories(date(2026, 1, 1), rehearsal=True)).summary
    assert "NO SECURITY VERDICT" in summary
    assert "nothing critical" not in summary
    assert "1 critical without a fix" in summary


@pytest.mark.fault(37)
@pytest.mark.parametrize("broken", ["", "<html>", "{", "[]", "null", "7", '{"components": 7}', '{"components": [7]}'])
def test_a_list_of_packages_that_cannot_be_read_is_no_verdict(broken: str) -> None:
    """Neither a pass nor a finding."""
    with pytest.raises(ScannerUnavailable, match="no readable report"):
        read(sbom=broken)


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "broken",
    ["", "{", "[]", "null", '{"Results": 7}', '{"Results": [7]}', '{"Results": [{"Vulnerabilities": [{}]}]}'],
)
def test_a_report_that_cannot_be_read_is_no_verdict(broken: str) -> None:
    """Neither a pass nor a finding."""
    with pytest.raises(ScannerUnavailable, match="no readable report"):
        Verdict.read(broken, SBOM, ADVISORIES, Waivers())


@pytest.mark.parametrize("report", ["{}", '{"Results": null}', '{"Results": [{"Vulnerabilities": null}]}'])
def test_a_report_without_findings_has_none(report: str) -> None:
    """Go leaves an empty list out, or writes null."""
    assert Verdict.read(report, SBOM, ADVISORIES, Waivers()).findings == ()


@given(json_values, json_values)
def test_any_json_is_a_verdict_or_an_error(report: object, sbom: object) -> None:
    """No other exception reaches the caller."""
    try:
        Verdict.read(json.dumps(report), json.dumps(sbom), ADVISORIES, Waivers()).raise_if_failed()
    except StageError:
        return


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("output", "cause"),
    [
        ("", "it wrote nothing"),
        ("\n \n", "it wrote nothing"),
        ("Killed\n", "Killed"),
        (
            "2026-05-04\tINFO\tDownloading\n2026-05-04T12:00:01Z\tFATAL\tFatal error\trun error: init error: x\n",
            "init error: x",
        ),
        ("2026-05-04T12:00:01Z\tERROR\tdatabase is corrupt", "database is corrupt"),
        (
            "2026-05-04T12:00:01Z\tFATAL\tFatal error\trun error: 1 error:\n\t* GET http://registry: 429\n\n\n",
            "GET http://registry: 429",
        ),
        (f"2026-05-04T12:00:01Z\tFATAL\t{'x' * 600}", "x" * 500),
    ],
)
def test_the_cause_is_the_last_line_without_its_time(output: str, cause: str) -> None:
    """What a person reads first, cut where it repeats every layer."""
    assert scanner_cause(output) == cause
