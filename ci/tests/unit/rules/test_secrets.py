"""What keys and tokens in the layers of an image mean for a release, by a report that Trivy wrote."""

import json
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from stage_ci.errors import InvalidWaiver, NothingToCheck, ScannerUnavailable, SecretInImage
from stage_ci.rules.secrets import ExposedSecret, SecretsReport
from stage_ci.rules.waivers import SECRETS, Waivers

# Of an image with two layers: the first adds a private key and two tokens, the second deletes the key; one more token
# is a variable of the image's configuration.
REPORT: Final = (Path(__file__).parent / "testdata/secrets/secrets.json").read_text()
CLEAN: Final = json.dumps({"Metadata": {"DiffIDs": ["sha256:1", "sha256:2"]}, "Results": None})
TODAY: Final = date(2026, 6, 1)
NO_WAIVERS: Final = Waivers()


def waivers(*entries: str, end: str = "2026-12-31") -> Waivers:
    """Return the list with an entry for each ``RULE PATH``."""
    lines = [
        f"- {{id: {rule}, owner: team-a, expired_at: {end}, paths: ['{path}']}}"
        for rule, path in (entry.split() for entry in entries)
    ]
    return Waivers.read("secrets:\n" + "\n".join(lines), TODAY, SECRETS)


@pytest.mark.fault(55)
def test_every_secret_of_every_layer_is_reported() -> None:
    """The report lists keys and tokens of all layers, also of a file that a later layer deletes."""
    report = SecretsReport.read(REPORT, NO_WAIVERS)
    assert report.layers == 2
    assert report.secrets == (
        ExposedSecret("private-key", "Asymmetric Private Key", "/app/deploy.key", 2),
        ExposedSecret("aws-access-key-id", "AWS Access Key ID", "/app/settings.py", 1),
        ExposedSecret("github-pat", "GitHub Personal Access Token", "/app/settings.py", 2),
        ExposedSecret("github-pat", "GitHub Personal Access Token", "the image's configuration", 24),
    )


@pytest.mark.fault(55)
def test_a_secret_forbids_a_release() -> None:
    """The error counts the secrets and names the first three by rule, file and line."""
    with pytest.raises(SecretInImage) as failed:
        SecretsReport.read(REPORT, NO_WAIVERS).raise_if_failed()
    assert failed.value.cause == (
        "keys or tokens in the image: 4 (private-key in /app/deploy.key:2, aws-access-key-id in /app/settings.py:1, "
        "github-pat in /app/settings.py:2 and more)"
    )


@pytest.mark.fault(55)
def test_an_allowed_secret_passes_and_is_listed() -> None:
    """A secret whose rule and path are allowed passes, and the summary lists it with its owner and end."""
    allowed = waivers("private-key app/deploy.key", "aws-* x", "github-pat app/*", "aws-access-key-id /app/settings.py")
    report = SecretsReport.read(REPORT, allowed)
    with pytest.raises(SecretInImage, match=r"in the image: 1 \(github-pat in the image's configuration:24\)"):
        report.raise_if_failed()
    assert "private-key in /app/deploy.key:2 (until 2026-12-31 by team-a)" in report.summary
    assert (
        "Asymmetric Private Key: private-key in /app/deploy.key:2 (allowed until 2026-12-31 by team-a)" in report.text
    )


@pytest.mark.fault(55)
def test_all_secrets_allowed_is_a_pass() -> None:
    """An image whose secrets are all allowed passes."""
    everything = waivers("private-key *", "aws-access-key-id *", "github-pat *")
    SecretsReport.read(REPORT, everything).raise_if_failed()


@pytest.mark.fault(55)
def test_an_expired_waiver_is_named() -> None:
    """A secret whose waiver has expired fails, and the error names the waiver's end and owner."""
    expired = waivers("private-key app/deploy.key", end="2026-06-01")
    with pytest.raises(SecretInImage, match=r"/app/deploy\.key:2, allowed until 2026-06-01 by team-a"):
        SecretsReport.read(REPORT, expired).raise_if_failed()


@pytest.mark.parametrize("entry", ["private-key other.key", "github-pat app/deploy.key", "private-key app"])
def test_a_waiver_for_another_rule_or_path_allows_nothing(entry: str) -> None:
    """A waiver allows a secret only if both its rule and one of its paths match."""
    with pytest.raises(SecretInImage, match=r"private-key in /app/deploy\.key:2,"):
        SecretsReport.read(REPORT, waivers(entry)).raise_if_failed()


def test_a_waiver_without_paths_is_rejected() -> None:
    """A waiver for a secret needs paths, because its rule alone would allow every key in the image."""
    entry = "secrets: [{id: private-key, owner: team-a, expired_at: 2026-12-31}]"
    with pytest.raises(InvalidWaiver, match=r"entry 1 \(private-key\): paths are missing; list the files"):
        Waivers.read(entry, TODAY, SECRETS)


def test_waivers_of_vulnerabilities_and_secrets_are_kept_apart() -> None:
    """Each check reads the section of its own."""
    text = (
        "vulnerabilities: [{id: CVE-2026-1, owner: a, expired_at: 2026-12-31}]\n"
        "secrets: [{id: private-key, owner: b, expired_at: 2026-12-31, paths: [x]}]\n"
    )
    assert [waiver.identifier for waiver in Waivers.read(text, TODAY).active] == ["CVE-2026-1"]
    assert [waiver.identifier for waiver in Waivers.read(text, TODAY, SECRETS).active] == ["private-key"]


def test_an_image_without_secrets_passes() -> None:
    """An image without keys and tokens passes, and the summary has the number of scanned layers."""
    report = SecretsReport.read(CLEAN, NO_WAIVERS)
    report.raise_if_failed()
    assert report.summary == "2 layers, no key or token"
    assert report.text == "2 layers scanned\n"


@pytest.mark.fault(30)
def test_an_image_without_layers_is_a_failure() -> None:
    """A scan that saw no layer fails: nothing was checked."""
    with pytest.raises(NothingToCheck, match=r"^secrets: the scanner found no layer"):
        SecretsReport.read('{"Metadata": {}}', NO_WAIVERS).raise_if_failed()


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "report", ["", "[]", "{}", '{"Metadata": null}', '{"Metadata": {}, "Results": [{"Secrets": [{}]}]}']
)
def test_an_unreadable_report_is_no_verdict(report: str) -> None:
    """A report that cannot be read means that the scanner could not run, neither a pass nor a finding."""
    with pytest.raises(ScannerUnavailable, match="cannot be read"):
        SecretsReport.read(report, NO_WAIVERS)


def test_no_part_of_a_secret_is_repeated() -> None:
    """Neither the text that matched, which Trivy masks, nor the instruction that made the layer is in the report."""
    report = SecretsReport.read(REPORT, NO_WAIVERS)
    assert "*" not in report.text
    assert "COPY" not in report.text
