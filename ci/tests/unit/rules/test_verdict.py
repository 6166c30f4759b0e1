"""The verdict of a scan."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import NothingToCheck, ScannerUnavailable, StageError, VulnerableImage, WaiverExpired
from stage_ci.rules.advisories import Advisories
from stage_ci.rules.verdict import Verdict
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
ADVISORIES = Advisories(date(2026, 5, 4), sample=False)
FIXED = {
    "VulnerabilityID": "CVE-2026-1",
    "PkgName": "openssl",
    "InstalledVersion": "3.0.1",
    "FixedVersion": "3.0.2",
    "Severity": "CRITICAL",
}
UNFIXED = {key: value for key, value in FIXED.items() if key != "FixedVersion"} | {"VulnerabilityID": "CVE-2026-2"}

# Reports of Trivy 0.74.0 on three packages: one with a waiver, one with a VEX statement, and one without a fix.
REPORTS = Path(__file__).parent / "testdata" / "scan"
EXPIRED = Waiver("CVE-2026-1", "team-a", date(2026, 1, 31), "no path reaches it", {})

KEYS = ["Results", "Vulnerabilities", "ExperimentalModifiedFindings", "Type", "Status", "Finding", "components", "type"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("vulnerability"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


def read(
    *found: dict[str, Any],
    suppressed: list[dict[str, Any]] | None = None,
    sbom: str = SBOM,
    advisories: Advisories = ADVISORIES,
    expired: tuple[Waiver, ...] = (),
) -> Verdict:
    """Return the verdict on an image with the vulnerabilities ``found``."""
    results = [
        {"Target": "debian", "Class": "os-pkgs"},
        {"Vulnerabilities": list(found), "ExperimentalModifiedFindings": suppressed},
    ]
    return Verdict.read(json.dumps({"Results": results}), sbom, advisories, Waivers(expired=expired))


def modified(status: str, statement: str, **found: str) -> dict[str, Any]:
    """Return a suppressed finding in Trivy's format."""
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
def test_a_report_of_trivy_is_read() -> None:
    """A scan passes with unfixed, waived and unaffected vulnerabilities, and its summary lists them."""
    report, sbom = ((REPORTS / name).read_text() for name in ("scan.json", "sbom.cdx.json"))
    verdict = Verdict.read(report, sbom, ADVISORIES, Waivers())
    verdict.raise_if_failed()
    assert verdict.summary == (
        "3 packages, nothing critical that has a fix, 1 critical without a fix, critical but suppressed: 2 "
        "(CVE-2025-43859 in h11 0.14.0 "
        "(ignored: until 2999-12-31 by team-a@example.com: chunked bodies end at the proxy), "
        "CVE-2024-33663 in python-jose 3.3.0 "
        "(not affected: vulnerable_code_not_in_execute_path)) (database of 2026-05-04)"
    )


def test_an_image_without_findings_passes() -> None:
    """A scan without findings passes, and its summary has the number of packages and the date of the database."""
    verdict = read()
    verdict.raise_if_failed()
    assert verdict.summary == "2 packages, nothing critical that has a fix (database of 2026-05-04)"


@pytest.mark.fault(38)
def test_a_critical_vulnerability_with_a_fix_fails() -> None:
    """The error names the vulnerability, the package, the installed version and the fixed version."""
    with pytest.raises(
        VulnerableImage,
        match=r"critical vulnerabilities that have a fix: 1 \(CVE-2026-1 in openssl 3\.0\.1 \(fixed in 3\.0\.2\)\)",
    ):
        read(FIXED).raise_if_failed()


def test_only_the_first_few_are_named() -> None:
    """The error counts all vulnerabilities and names the first three."""
    with pytest.raises(VulnerableImage) as rejected:
        read(*[FIXED | {"VulnerabilityID": f"CVE-{number}"} for number in range(5)]).raise_if_failed()
    assert rejected.value.cause.startswith("critical vulnerabilities that have a fix: 5 (")
    assert rejected.value.cause.endswith(" and more)")
    assert rejected.value.cause.count("CVE-") == 3


@pytest.mark.fault(38)
@pytest.mark.parametrize("fixed", [{}, {"FixedVersion": ""}, {"FixedVersion": None}])
def test_a_critical_vulnerability_without_a_fix_passes(fixed: dict[str, Any]) -> None:
    """A critical vulnerability without a fixed version passes, and the summary counts it."""
    verdict = read(UNFIXED | fixed)
    verdict.raise_if_failed()
    assert ", 1 critical without a fix (" in verdict.summary
    assert str(verdict.findings[0]) == "CVE-2026-2 in openssl 3.0.1 (no fix yet)"


@pytest.mark.fault(38)
@pytest.mark.parametrize(
    ("status", "statement", "reason"),
    [
        ("ignored", "until 2099-12-31 by team-a: no path", "ignored: until 2099-12-31 by team-a: no path"),
        ("not_affected", "vulnerable_code_not_present", "not affected: vulnerable_code_not_present"),
        ("fixed", "", "fixed"),
    ],
)
def test_a_suppressed_critical_vulnerability_passes_and_is_listed(status: str, statement: str, reason: str) -> None:
    """A vulnerability with an active waiver or a VEX statement passes, and the summary lists it with the reason."""
    verdict = read(suppressed=[modified(status, statement)])
    verdict.raise_if_failed()
    assert f", critical but suppressed: 1 (CVE-2026-1 in openssl 3.0.1 ({reason})) (database" in verdict.summary


def test_a_suppressed_vulnerability_of_lower_severity_is_not_in_the_summary() -> None:
    """The summary lists suppressed vulnerabilities only if they are critical."""
    assert "suppressed" not in read(suppressed=[modified("ignored", "", Severity="HIGH")]).summary


def test_suppressed_findings_of_other_scanners_are_ignored() -> None:
    """A suppressed finding that is not a vulnerability is not part of the verdict."""
    assert read(suppressed=[{"Type": "secret", "Status": "ignored", "Finding": {}}]).suppressed == ()


@pytest.mark.fault(38)
@pytest.mark.parametrize("found", [FIXED, FIXED | {"FixedVersion": ""}])
def test_an_expired_waiver_of_a_critical_vulnerability_fails(found: dict[str, Any]) -> None:
    """A critical vulnerability whose waiver has expired fails with or without a fix; the error names the owner."""
    with pytest.raises(WaiverExpired) as rejected:
        read(found, expired=(EXPIRED,)).raise_if_failed()
    assert rejected.value.cause.startswith("critical vulnerabilities with an expired waiver: 1 (CVE-2026-1 in openssl")
    assert rejected.value.cause.endswith(", waived until 2026-01-31 by team-a: no path reaches it)")


@pytest.mark.parametrize("found", [[], [FIXED | {"Severity": "HIGH"}], [UNFIXED]])
def test_an_expired_waiver_of_anything_else_passes(found: list[dict[str, Any]]) -> None:
    """An expired waiver is ignored if its vulnerability is not found, or is not critical."""
    read(*found, expired=(EXPIRED,)).raise_if_failed()


def test_an_expired_waiver_of_another_package_blocks_nothing() -> None:
    """An expired waiver that is limited to a package has no effect on the same vulnerability in another one."""
    unfixed = FIXED | {"FixedVersion": "", "PkgIdentifier": {"PURL": "pkg:deb/debian/openssl@3.0.1"}}
    other = replace(EXPIRED, limits={"purls": ["pkg:pypi/pyopenssl"]})
    read(unfixed, expired=(other,)).raise_if_failed()
    with pytest.raises(WaiverExpired):
        read(unfixed, expired=(replace(other, limits={"purls": ["pkg:deb/debian/openssl"]}),)).raise_if_failed()


def test_an_expired_waiver_of_a_program_fails() -> None:
    """Of a program without package files, Trivy names the path as the target, and the waiver may name it."""
    found = UNFIXED | {"VulnerabilityID": EXPIRED.identifier}
    report = json.dumps({"Results": [{"Target": "usr/local/bin/app", "Vulnerabilities": [found]}]})
    here, above = (replace(EXPIRED, limits={"paths": [limit]}) for limit in ("usr/local/bin/*", "usr/local/*"))
    with pytest.raises(WaiverExpired):
        Verdict.read(report, SBOM, ADVISORIES, Waivers(expired=(here,))).raise_if_failed()
    Verdict.read(report, SBOM, ADVISORIES, Waivers(expired=(above,))).raise_if_failed()


@pytest.mark.fault(46)
@pytest.mark.parametrize("found", [[], [FIXED]])
def test_a_system_without_support_has_no_verdict(found: list[dict[str, Any]]) -> None:
    """A distribution that has ended its support publishes no advisories, so the image neither passes nor fails."""
    report = {
        "Metadata": {"OS": {"Family": "debian", "Name": "9.13", "EOSL": True}},
        "Results": [{"Class": "os-pkgs", "Vulnerabilities": found}],
    }
    verdict = Verdict.read(json.dumps(report), SBOM, ADVISORIES, Waivers())
    with pytest.raises(ScannerUnavailable, match=r"^scan: no verdict for the system: debian 9\.13 is no longer"):
        verdict.raise_if_failed()


@pytest.mark.fault(46)
@pytest.mark.parametrize("kind", ["deb/debian", "apk/alpine", "rpm/fedora"])
def test_packages_of_an_unknown_system_have_no_verdict(kind: str) -> None:
    """If Trivy has no result for the packages of the system, it has not looked for their vulnerabilities."""
    package = {"type": "library", "purl": f"pkg:{kind}/openssl@3.0.1?arch=amd64"}
    sbom = json.dumps({"components": [package, package, {"type": "library", "purl": "pkg:pypi/h11@0.14.0"}]})
    error = "no verdict for the system: 2 of its packages belong to no known distribution; start the Dockerfile from"
    with pytest.raises(ScannerUnavailable, match=error):
        Verdict.read('{"Results": [{"Class": "lang-pkgs"}]}', sbom, ADVISORIES, Waivers()).raise_if_failed()
    Verdict.read('{"Results": [{"Class": "os-pkgs"}]}', sbom, ADVISORIES, Waivers()).raise_if_failed()


def test_high_vulnerabilities_with_a_fix_are_counted() -> None:
    """The summary counts the vulnerabilities of high severity that have a fix; they do not fail the scan."""
    verdict = read(FIXED | {"Severity": "HIGH"}, FIXED | {"Severity": "HIGH"}, UNFIXED | {"Severity": "HIGH"})
    verdict.raise_if_failed()
    assert verdict.summary.startswith("2 packages, nothing critical that has a fix, 2 high with a fix (database")


@pytest.mark.parametrize("severity", ["HIGH", "MEDIUM", "LOW", "UNKNOWN", "critical?"])
def test_a_vulnerability_of_lower_severity_passes(severity: str) -> None:
    """A vulnerability that is not critical passes, even with a fix."""
    verdict = read(FIXED | {"Severity": severity})
    verdict.raise_if_failed()
    assert "without a fix" not in verdict.summary


def test_an_image_without_packages_fails() -> None:
    """A scan that found no package fails, because it checked nothing; an operating system is not a package."""
    with pytest.raises(NothingToCheck, match=r"^scan: the scanner found no package"):
        read(sbom='{"components": [{"type": "operating-system"}]}').raise_if_failed()


def test_a_scan_with_the_sample_database_is_marked() -> None:
    """The summary of a scan with the sample database states that it is not a security verdict."""
    summary = read(UNFIXED, advisories=Advisories(date(2026, 1, 1), sample=True)).summary
    assert summary == "2 packages against the sample database: NO SECURITY VERDICT, 1 critical without a fix"


@pytest.mark.fault(37)
@pytest.mark.parametrize("broken", ["", "<html>", "{", "[]", "null", "7", '{"components": 7}', '{"components": [7]}'])
def test_an_unreadable_sbom_is_an_error(broken: str) -> None:
    """A list of packages in another format is an error of the scanner, neither a pass nor a finding."""
    with pytest.raises(ScannerUnavailable, match="the scanner's report cannot be read"):
        read(sbom=broken)


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "broken",
    ["", "{", "[]", "null", '{"Results": 7}', '{"Results": [7]}', '{"Results": [{"Vulnerabilities": [{}]}]}'],
)
def test_an_unreadable_report_is_an_error(broken: str) -> None:
    """A report in another format is an error of the scanner, neither a pass nor a finding."""
    with pytest.raises(ScannerUnavailable, match="the scanner's report cannot be read"):
        Verdict.read(broken, SBOM, ADVISORIES, Waivers())


@pytest.mark.parametrize("report", ["{}", '{"Results": null}', '{"Results": [{"Vulnerabilities": null}]}'])
def test_a_report_without_findings_has_none(report: str) -> None:
    """A report in which lists are missing or null has no findings, because Go writes empty lists like that."""
    assert Verdict.read(report, SBOM, ADVISORIES, Waivers()).findings == ()


@given(json_values, json_values)
def test_any_json_yields_a_verdict_or_a_stage_error(report: object, sbom: object) -> None:
    """No JSON causes another exception than StageError."""
    try:
        Verdict.read(json.dumps(report), json.dumps(sbom), ADVISORIES, Waivers()).raise_if_failed()
    except StageError:
        return
