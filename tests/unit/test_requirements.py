"""What is installed is what was tested."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The service, its training, their tests.
FILES = ("requirements", "requirements.train", "requirements.dev")


def packages(name: str) -> list[str]:
    """The entries of a requirements file, without comments and without inclusions."""
    text = (ROOT / name).read_text().replace("\\\n", "")
    return [line for line in text.splitlines() if not re.match(r"\s*(#|-r |$)", line)]


def names(name: str) -> set[str]:
    """The packages that a requirements file adds."""
    return {entry.split("==")[0] for entry in packages(name)}


@pytest.mark.parametrize("name", [*FILES, "requirements.uv"])
def test_every_package_is_pinned(name: str) -> None:
    """To one version and the digests of its files, with no other condition."""
    pinned = re.compile(r"[\w.-]+==[\w.]+(\s+--hash=sha256:[0-9a-f]{64})+")
    loose = [entry for entry in packages(name) if not pinned.fullmatch(entry)]
    assert packages(name) and loose == []


@pytest.mark.parametrize(
    ("name", "included"), [(FILES[1], FILES[0]), (FILES[2], FILES[1])]
)
def test_each_file_adds_to_the_one_before(name: str, included: str) -> None:
    """What is tested is what is trained and what is served: no package is named twice."""
    assert f"-r {included}" in (ROOT / name).read_text().splitlines()
    for before in FILES[: FILES.index(name)]:
        assert names(name).isdisjoint(names(before))


@pytest.mark.parametrize("package", ["pandas", "scikit-learn", "scipy", "skops"])
def test_service_does_without_what_training_needs(package: str) -> None:
    """It would be most of the image's size."""
    assert package not in names("requirements")
