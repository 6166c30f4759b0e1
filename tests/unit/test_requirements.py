"""What is installed is what was tested."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def packages(name: str) -> list[str]:
    """The lines of a requirements file, without comments and without inclusions."""
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if not re.match(r"\s*(#|-r |$)", line)]


@pytest.mark.parametrize("name", ["requirements", "requirements.dev"])
def test_every_package_is_pinned(name: str) -> None:
    """To one version, with no other condition."""
    loose = [p for p in packages(name) if not re.fullmatch(r"[\w.-]+==[\w.]+", p)]
    assert packages(name) and loose == []


def test_tests_run_with_what_the_image_installs() -> None:
    """The test requirements include those of the image and move none of them."""
    assert "-r requirements" in (ROOT / "requirements.dev").read_text().splitlines()
    image = {pin.split("==")[0] for pin in packages("requirements")}
    assert image.isdisjoint(pin.split("==")[0] for pin in packages("requirements.dev"))
