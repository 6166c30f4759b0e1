"""The digests of an image archive, and the bill of materials that must be that of its image."""

import json

import pytest

from stage_ci.errors import BuildFailed, ScannerUnavailable
from stage_ci.rules.archive import ArchiveDigests, raise_if_other_image
from stage_ci.rules.reference import Digest

MANIFEST, CONFIG = (Digest.parse(f"sha256:{letter * 64}") for letter in "ab")


def bill_of_materials(*properties: dict[str, str]) -> str:
    """Return a CycloneDX document of a component with these properties."""
    return json.dumps({"bomFormat": "CycloneDX", "metadata": {"component": {"properties": list(properties)}}})


def test_the_digests_of_manifest_and_configuration_are_returned() -> None:
    """The output of the program that normalizes an archive yields the digests of manifest and configuration."""
    output = json.dumps({"manifest": str(MANIFEST), "config": str(CONFIG), "platform": "linux/amd64"})
    assert ArchiveDigests.parse(output) == ArchiveDigests(MANIFEST, CONFIG)


@pytest.mark.parametrize(
    "output",
    [
        "",
        "tar: index.json: Not found in archive",
        "[]",
        "null",
        "7",
        "{}",
        json.dumps({"manifest": str(MANIFEST)}),
        json.dumps({"manifest": str(MANIFEST), "config": str(CONFIG)}),
        json.dumps({"manifest": None, "config": str(CONFIG)}),
        json.dumps({"manifest": "sha256:abc", "config": str(CONFIG)}),
        json.dumps({"manifest": str(MANIFEST).upper(), "config": str(CONFIG)}),
    ],
)
def test_output_without_two_digests_is_rejected(output: str) -> None:
    """Output that does not have both digests fails the build."""
    with pytest.raises(BuildFailed, match="the archive has no readable digests"):
        ArchiveDigests.parse(output)


@pytest.mark.fault(48)
@pytest.mark.parametrize("platform", ["linux/arm64", "linux/386", "windows/amd64", "darwin/amd64", "linux/", "/", None])
def test_an_image_for_another_platform_is_rejected(platform: str | None) -> None:
    """An archive whose configuration names another platform, or none, fails the build before anything is published."""
    output = json.dumps({"manifest": str(MANIFEST), "config": str(CONFIG), "platform": platform})
    with pytest.raises(BuildFailed, match=f"an image for {platform}, but images are built for linux/amd64"):
        ArchiveDigests.parse(output)


def test_a_bill_of_materials_of_the_image_is_accepted() -> None:
    """A document whose image ID is the digest of the archive's configuration is that of its image."""
    other = {"name": "aquasecurity:trivy:SchemaVersion", "value": "2"}
    raise_if_other_image(bill_of_materials(other, {"name": "aquasecurity:trivy:ImageID", "value": str(CONFIG)}), CONFIG)


@pytest.mark.parametrize(
    ("sbom", "found"),
    [
        (bill_of_materials({"name": "aquasecurity:trivy:ImageID", "value": str(MANIFEST)}), str(MANIFEST)),
        (bill_of_materials(), "none"),
        ("{}", "none"),
        ("not JSON", "none"),
        ('{"metadata": {"component": {"properties": null}}}', "none"),
    ],
)
def test_a_bill_of_materials_of_another_image_gives_no_verdict(sbom: str, found: str) -> None:
    """A document of another image, or of none, is neither a pass nor a finding."""
    with pytest.raises(ScannerUnavailable, match=f"the scanner read another image: {found}, but the archive holds"):
        raise_if_other_image(sbom, CONFIG)
