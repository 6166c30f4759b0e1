"""The pins of the repository are listed in docs/pins.md, and none of them is a compromised release."""

import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Final, Self

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from stage_ci.adapters.locks import lock
from stage_ci.pins import LINTERS, SIGSTORE
from stage_ci.rules.requirement_file import read_requirements

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = (ROOT / "docs/pins.md").read_text()
# Files in which a name with a version is prose, an example, or the pin of a dependency.
NO_PINS: Final = ("*.md", "*/go.sum", "examples/*", "ci/tests/unit/*", "ci/tests/e2e/testdata/keyless/*", "*/test_*.py")
# Files that a tool resolves; a pin in any other file is chosen by hand.
LOCKS: Final = ("*go.mod", "requirements*", "*/requirements", "*/requirements.*", "*.requirements")

# How a pin of each kind is written, in any file.
PATTERNS: Final = {
    # PEP 508's name, extras and PEP 440's exact version.
    "python": r"(?<![\w.-])(?P<package>[A-Za-z0-9][\w.-]*)(?:\[[\w,-]+\])?==(?P<version>\d[\w.+!]*)",
    # A path and a version, https://go.dev/ref/mod#go-mod-file.
    "go": r"(?P<package>[\w-]+(?:\.[\w-]+)+(?:/[\w.~-]+)*) v(?P<version>\d[\w.+-]*)",
    # At the start of a line of ci/engine/images/names, in quotes, or in a Dockerfile.
    "image": r'(?:^|"|FROM |--from=)(?P<package>(?:[\w.-]+/)*[a-z][\w.-]*):(?P<version>v?\d[\w.-]*)',
    "action": r"uses: *(?P<package>[\w.-]+/[\w./-]+)@(?P<version>\S+)(?: +# *(?P<tag>\S+))?",
    # In dagger.json, and what the workflows install.
    "engine": r'(?:"engineVersion": "|\{version: )v(?P<version>[\d.]+)',
}
ENGINE: Final = "github.com/dagger/dagger"
COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Pin:
    """A version that a file pins."""

    file: str
    ecosystem: str
    package: str
    version: str

    @classmethod
    def read(cls, file: str, text: str) -> Iterator[Self]:
        """Yield the pins in a file's text. The commit and the tag of an action are two pins."""
        for ecosystem, pattern in PATTERNS.items():
            for found in re.finditer(pattern, text, re.MULTILINE):
                groups = found.groupdict()
                kind, package = ("go", ENGINE) if ecosystem == "engine" else (ecosystem, groups["package"])
                for version in filter(None, (groups["version"], groups.get("tag"))):
                    yield cls(file, kind, package, version)

    def __str__(self) -> str:
        """Return the pin as docs/pins.md spells it. Actions have no version there, because Dependabot raises them."""
        written = {"python": "{}=={}", "go": "{} v{}", "image": "{}:{}", "action": "{}"}
        return written[self.ecosystem].format(self.package, self.version)


@dataclass(frozen=True, slots=True)
class Release:
    """An entry of ci/compromised.toml."""

    ecosystem: str
    package: str
    versions: list[str]
    advisory: str
    happened: str

    def includes(self, pin: Pin) -> bool:
        """Return whether ``pin`` is one of the listed versions."""
        same = self.ecosystem == pin.ecosystem and self.package == normal(pin.ecosystem, pin.package)
        version = pin.version.removeprefix("v")
        return same and any(affected(self.ecosystem, versions, version) for versions in self.versions)


def normal(ecosystem: str, package: str) -> str:
    """Return the canonical spelling of a package's name."""
    match ecosystem:
        case "python":
            return canonicalize_name(package)
        case "image":  # distribution/reference, normalize.go
            return package.removeprefix("docker.io/").removeprefix("library/")
        case "action":  # the repository, without the folder in it
            return "/".join(package.lower().split("/")[:2])
        case _:
            return package


def affected(ecosystem: str, versions: str, version: str) -> bool:
    """Return whether ``version`` is among the versions that an entry lists."""
    if versions.startswith("<"):
        return not COMMIT.fullmatch(version) and Version(version) < Version(versions.removeprefix("<"))
    if ecosystem == "python" and versions != "*":
        return Version(version) == Version(versions)
    return versions in {"*", version}


def lines(text: str) -> list[str]:
    """Return the lines of a requirement file, continued lines joined, without comments and inclusions."""
    return [line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith(("#", "-r "))]


def exact(requirement: Requirement) -> bool:
    """Return whether a requirement allows one version only."""
    return re.fullmatch(r"==[^*,]+", str(requirement.specifier)) is not None


def compromised(pins: Iterable[Pin]) -> list[str]:
    """Return a message for each pin that is a compromised release."""
    return [
        f"{pin.file}: {pin.package} {pin.version} {release.happened}: {release.advisory}"
        for pin in pins
        for release in RELEASES
        if release.includes(pin)
    ]


@cache
def pins() -> tuple[Pin, ...]:
    """Return every pin of every file of the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    files = [name for name in sorted(set(names)) if not matches(name, NO_PINS) and (ROOT / name).is_file()]
    return tuple(pin for name in files for pin in Pin.read(name, (ROOT / name).read_text(errors="replace")))


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a file's name matches one of the patterns."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading of docs/pins.md."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    _, *table = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def quoted(cell: str) -> set[str]:
    """Return the texts in backticks in a cell."""
    return set(re.findall(r"`([^`]+)`", cell))


RELEASES: Final = [Release(**entry) for entry in tomllib.loads((ROOT / "ci/compromised.toml").read_text())["release"]]
BY_HAND: Final = [pin for pin in pins() if not matches(pin.file, LOCKS)]
LOCKED: Final = sorted({pin.file for pin in pins()} - {pin.file for pin in BY_HAND})
MODULES: Final = [name for name in LOCKED if name.endswith("go.mod")]
REQUIREMENTS: Final = [name for name in LOCKED if name not in MODULES]


def test_no_pin_is_a_compromised_release() -> None:
    """No file pins a release of ci/compromised.toml; a failure names the file, the pin and the advisory."""
    assert compromised(pins()) == []


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: f"{release.ecosystem}-{release.package}")
def test_a_listed_release_is_found_in_a_file_that_names_it(release: Release) -> None:
    """Every entry of ci/compromised.toml is spelled such that a file that pins the release is found."""
    version = release.versions[-1].replace("*", "1.0")
    line = {
        "python": f"{release.package}=={version} \\",
        "go": f"\t{release.package} v{version} // indirect",
        "action": f"      - uses: {release.package}@{version}",
        "image": f'TOOL: Final = "{release.package}:{version}"',
    }[release.ecosystem]
    found = compromised(Pin.read("planted", line))
    assert found == [f"planted: {release.package} {version} {release.happened}: {release.advisory}"]


@pytest.mark.parametrize(
    "line",
    [
        "LiteLLM==1.82.8",
        "deep_translator[ai]==1.8.5 ; python_version < '3.12'",
        "telnyx==4.87.1.0",
        f"- uses: Aquasecurity/trivy-action/sub@{'a' * 40} # v0.34.0",
        f"- uses: tj-actions/changed-files@{'a' * 40} # v9",
        "FROM docker.io/aquasec/trivy:0.69.5 AS scanner",
        "COPY --from=aquasec/trivy:0.69.5 /usr/local/bin/trivy /",
        "require github.com/aquasecurity/trivy v0.69.4",
    ],
)
def test_a_compromised_release_is_found_however_it_is_spelled(line: str) -> None:
    """A release is found despite capitals, dashes, extras, trailing zeros, registries, folders and tags."""
    assert len(compromised(Pin.read("planted", line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "litellm==1.82.6",
        "litellm==1.82.70",
        "not-litellm==1.82.7",
        f"- uses: aquasecurity/trivy-action@{'0' * 40} # v0.35.0",
        f"- uses: tj-actions/changed-files@{'0' * 40} # v46.0.1",
        "FROM aquasec/trivy:0.69.3",
        "\tgithub.com/boltdb/bolt v1.3.1 // indirect",
    ],
)
def test_an_uncompromised_release_is_not_found(line: str) -> None:
    """Releases before and after a compromised one and packages with similar names are accepted."""
    assert list(Pin.read("planted", line))
    assert compromised(Pin.read("planted", line)) == []


def test_pins_chosen_by_hand_are_listed_with_every_file_that_names_them() -> None:
    """docs/pins.md lists each image, tool, action and library with the files that pin it, and nothing else."""
    listed = {pin: quoted(row[2]) for row in rows("By hand") for pin in quoted(row[1])}
    named: dict[str, set[str]] = {}
    for pin in BY_HAND:
        named.setdefault(str(pin), set()).add(pin.file)
    assert listed == named


def test_lock_files_are_listed() -> None:
    """docs/pins.md has a row for each lock file."""
    assert sorted(file for row in rows("Locked") for file in quoted(row[1])) == LOCKED


def test_files_listed_with_digests_have_one_for_each_package() -> None:
    """Exactly the requirement files that docs/pins.md lists with digests pin each package by sha256."""
    listed = {file for row in rows("Locked") if row[2].startswith("digests") for file in quoted(row[1])}
    texts = {name: (ROOT / name).read_text() for name in REQUIREMENTS}
    hashed = re.compile(r".+?(\s+--hash=sha256:[0-9a-f]{64})+")
    assert listed == {name for name, text in texts.items() if all(map(hashed.fullmatch, lines(text)))}


def test_the_locks_of_the_checks_match_the_pins() -> None:
    """Linters and Sigstore's client are locked at the versions of pins.py, and uv at that which installs the image."""
    assert set(LINTERS) <= set(map(str, read_requirements(lock("linters.requirements"))))
    assert SIGSTORE in set(map(str, read_requirements(lock("sigstore.requirements"))))
    assert lock("uv.requirements") == (ROOT / "requirements.uv").read_text()


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_requirement_has_one_version(name: str) -> None:
    """Each line of a requirement file is a comment, an inclusion, or a package at one exact version."""
    text = (ROOT / name).read_text()
    requirements = list(read_requirements(text))
    assert len(requirements) == len(lines(text)) > 0
    assert [str(requirement) for requirement in requirements if not exact(requirement)] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_go_module_is_fixed_by_its_sum(name: str) -> None:
    """go.sum holds each module that go.mod requires, except for modules that are replaced and not fetched."""
    text, sums = (ROOT / name).read_text(), (ROOT / name).with_name("go.sum").read_text()
    replaced = set(re.findall(r"(\S+) =>", text))
    required = [pin for pin in Pin.read(name, text) if pin.package not in replaced or f"=> {pin}" in text]
    assert [str(pin) for pin in required if f"{pin}" not in sums] == []
