"""The requirement files pin every package and build on one another."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Of the service, of its training and of the tests; each includes the one before.
FILES = ("requirements", "requirements.train", "requirements.dev")


def packages(name: str) -> list[str]:
    """The entries of a requirements file, without comments and included files."""
    text = (ROOT / name).read_text().replace("\\\n", "")
    return [line for line in text.splitlines() if not re.match(r"\s*(#|-r |$)", line)]


def names(name: str) -> set[str]:
    """The packages that a requirements file adds."""
    return {entry.split("==")[0] for entry in packages(name)}


@pytest.mark.parametrize("name", [*FILES, "requirements.uv"])
def test_every_package_is_pinned(name: str) -> None:
    """Every package has one exact version and hashes, and no other condition."""
    pinned = re.compile(r"[\w.-]+==[\w.]+(\s+--hash=sha256:[0-9a-f]{64})+")
    loose = [entry for entry in packages(name) if not pinned.fullmatch(entry)]
    assert packages(name) and loose == []


@pytest.mark.parametrize(
    ("name", "included"), [(FILES[1], FILES[0]), (FILES[2], FILES[1])]
)
def test_each_file_adds_to_the_one_before(name: str, included: str) -> None:
    """Each file includes the one before and repeats none of its packages."""
    assert f"-r {included}" in (ROOT / name).read_text().splitlines()
    for before in FILES[: FILES.index(name)]:
        assert names(name).isdisjoint(names(before))


@pytest.mark.parametrize("package", ["pandas", "scikit-learn", "scipy", "skops"])
def test_service_has_no_packages_for_training_only(package: str) -> None:
    """The image does without training packages, which would make up most of its size."""
    assert package not in names("requirements")
