"""What a scan means for a release."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import NothingChecked, ScannerUnavailable, StageError, VulnerableImage
from stage_ci.rules.verdict import Verdict, scanner_cause

SBOM = json.dumps(
    {
        "components": [
            {"type": "operating-system", "name": "debian"},
            {"type": "library", "name": "openssl"},
            {"type": "library", "name": "fastapi"},
        ]
    }
)
METADATA = '{"Version": 2, "UpdatedAt": "2026-05-04T06:13:20.1Z"}'
FIXED = {
    "VulnerabilityID": "CVE-2026-1",
    "PkgName": "openssl",
    "InstalledVersion": "3.0.1",
    "FixedVersion": "3.0.2",
    "Severity": "CRITICAL",
}
UNFIXED = {key: value for key, value in FIXED.items() if key != "FixedVersion"} | {"VulnerabilityID": "CVE-2026-2"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Results", "Vulnerabilities", "components", "UpdatedAt", "type"]), inner)
    ),
    max_leaves=8,
)


def read(*found: dict[str, Any], sbom: str = SBOM, metadata: str = METADATA, rehearsal: bool = False) -> Verdict:
    """Return the verdict on an image in which these vulnerabilities were found."""
    report = json.dumps({"Results": [{"Target": "debian", "Class": "os-pkgs"}, {"Vulnerabilities": list(found)}]})
    return Verdict.read(report, sbom, metadata, rehearsal=rehearsal)


def test_an_image_without_findings_may_be_released() -> None:
    """The summary says how much was looked at, and with a database of which day."""
    verdict = read()
    verdict.require()
    assert verdict.summary == "2 packages, nothing critical that has a fix (database of 2026-05-04)"


@pytest.mark.fault(38)
def test_a_critical_vulnerability_with_a_fix_forbids_a_release() -> None:
    """Fault 38: named with its package, what is installed and what to raise it to."""
    with pytest.raises(
        VulnerableImage,
        match=r"critical vulnerabilities that have a fix: 1 \(CVE-2026-1 in openssl 3\.0\.1 \(fixed in 3\.0\.2\)\)",
    ):
        read(FIXED).require()


def test_only_the_first_few_are_named() -> None:
    """And all of them counted."""
    with pytest.raises(VulnerableImage) as refused:
        read(*[FIXED | {"VulnerabilityID": f"CVE-{number}"} for number in range(5)]).require()
    assert refused.value.cause.startswith("critical vulnerabilities that have a fix: 5 (")
    assert refused.value.cause.endswith(" and more)")
    assert refused.value.cause.count("CVE-") == 3


@pytest.mark.fault(38)
@pytest.mark.parametrize("fixed", [{}, {"FixedVersion": ""}, {"FixedVersion": None}])
def test_a_critical_vulnerability_without_a_fix_is_a_note(fixed: dict[str, Any]) -> None:
    """Fault 38: nobody can mend it yet, so it passes and is told."""
    verdict = read(UNFIXED | fixed)
    verdict.require()
    assert ", 1 critical without a fix (" in verdict.summary
    assert str(verdict.findings[0]) == "CVE-2026-2 in openssl 3.0.1 (no fix yet)"


@pytest.mark.parametrize("severity", ["HIGH", "MEDIUM", "LOW", "UNKNOWN", "critical?"])
def test_a_lesser_vulnerability_is_no_reason(severity: str) -> None:
    """With a fix or without."""
    verdict = read(FIXED | {"Severity": severity})
    verdict.require()
    assert "without a fix" not in verdict.summary


def test_an_image_without_packages_was_not_scanned() -> None:
    """The operating system alone is no package: nothing checked is a failure."""
    with pytest.raises(NothingChecked, match=r"^scan: the scanner found no package"):
        read(sbom='{"components": [{"type": "operating-system"}]}').require()


def test_a_rehearsal_says_loudly_that_it_is_no_verdict() -> None:
    """The authored database knows a handful of advisories."""
    summary = read(UNFIXED, rehearsal=True).summary
    assert "NO SECURITY VERDICT" in summary
    assert "nothing critical" not in summary
    assert "1 critical without a fix" in summary


@pytest.mark.fault(37)
@pytest.mark.parametrize("broken", ["", "<html>", "{", "[]", "null", "7", '{"components": 7}', '{"components": [7]}'])
def test_a_list_of_packages_that_cannot_be_read_is_no_verdict(broken: str) -> None:
    """Fault 37: neither a pass nor a finding."""
    with pytest.raises(ScannerUnavailable, match="no readable report"):
        read(sbom=broken)


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "broken",
    ["", "{", "[]", "null", '{"Results": 7}', '{"Results": [7]}', '{"Results": [{"Vulnerabilities": [{}]}]}'],
)
def test_a_report_that_cannot_be_read_is_no_verdict(broken: str) -> None:
    """Fault 37: neither a pass nor a finding."""
    with pytest.raises(ScannerUnavailable, match="no readable report"):
        Verdict.read(broken, SBOM, METADATA, rehearsal=False)


@pytest.mark.fault(37)
@pytest.mark.parametrize("broken", ["", "{}", "[]", "null", '{"UpdatedAt": null}', '{"UpdatedAt": 7}'])
def test_a_database_of_no_date_is_no_verdict(broken: str) -> None:
    """Fault 37: how old the answer is belongs to it."""
    with pytest.raises(ScannerUnavailable):
        read(metadata=broken)


@pytest.mark.parametrize("report", ["{}", '{"Results": null}', '{"Results": [{"Vulnerabilities": null}]}'])
def test_a_report_without_findings_has_none(report: str) -> None:
    """Go leaves an empty list out, or writes null."""
    assert Verdict.read(report, SBOM, METADATA, rehearsal=False).findings == ()


@given(json_values, json_values, json_values)
def test_any_json_is_a_verdict_or_an_error(report: object, sbom: object, metadata: object) -> None:
    """No other exception reaches the caller."""
    try:
        Verdict.read(json.dumps(report), json.dumps(sbom), json.dumps(metadata), rehearsal=False).require()
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
        (f"2026-05-04T12:00:01Z\tFATAL\t{'x' * 600}", "x" * 500),
    ],
)
def test_the_cause_is_the_last_line_without_its_time(output: str, cause: str) -> None:
    """Fault 37: what a person reads first, cut where it repeats every layer."""
    assert scanner_cause(output) == cause
