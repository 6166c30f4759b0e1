"""What is installed is what was tested."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The service, its training, their tests.
FILES = ("requirements", "requirements.train", "requirements.dev")


def packages(name: str) -> list[str]:
    """The lines of a requirements file, without comments and without inclusions."""
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if not re.match(r"\s*(#|-r |$)", line)]


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned(name: str) -> None:
    """To one version, with no other condition."""
    loose = [p for p in packages(name) if not re.fullmatch(r"[\w.-]+==[\w.]+", p)]
    assert packages(name) and loose == []


@pytest.mark.parametrize(
    ("name", "included"), [(FILES[1], FILES[0]), (FILES[2], FILES[1])]
)
def test_each_file_adds_to_the_one_before(name: str, included: str) -> None:
    """What is tested is what is trained and what is served: no package is named twice."""
    assert f"-r {included}" in (ROOT / name).read_text().splitlines()
    added = {pin.split("==")[0] for pin in packages(name)}
    for before in FILES[: FILES.index(name)]:
        assert added.isdisjoint(pin.split("==")[0] for pin in packages(before))


@pytest.mark.parametrize("package", ["pandas", "scikit-learn", "scipy", "skops"])
def test_service_does_without_what_training_needs(package: str) -> None:
    """It would be most of the image's size."""
    assert package not in {pin.split("==")[0] for pin in packages("requirements")}
