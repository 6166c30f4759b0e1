"""Every pin of the repository: listed in docs/pins.md, and none of the releases that carried somebody else's code."""

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

from stage_ci.adapters.locks import lock
from stage_ci.pins import LINTERS

ROOT: Final = Path(__file__).resolve().parents[3]
PAGE: Final = (ROOT / "docs/pins.md").read_text()
# Where names with versions are text, other people's pins, or examples.
NO_PINS: Final = ("*.md", "*/go.sum", "examples/*", "ci/tests/unit/*", "*/test_*.py")
# Whole sets, resolved by a tool; what is named elsewhere is chosen by hand.
LOCKS: Final = ("*go.mod", "requirements*", "*/requirements", "*/requirements.*", "*.requirements")

# How each kind of pin is written, wherever it is.
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
    """A version that a file names."""

    file: str
    ecosystem: str
    package: str
    version: str

    @classmethod
    def read(cls, file: str, text: str) -> Iterator[Self]:
        """Yield the pins that a file's text holds; an action's commit and its tag are two."""
        for ecosystem, pattern in PATTERNS.items():
            for found in re.finditer(pattern, text, re.MULTILINE):
                groups = found.groupdict()
                kind, package = ("go", ENGINE) if ecosystem == "engine" else (ecosystem, groups["package"])
                for version in filter(None, (groups["version"], groups.get("tag"))):
                    yield cls(file, kind, package, version)

    def __str__(self) -> str:
        """Return the pin as docs/pins.md names it: an action without its version, which a robot raises."""
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
        """Tell whether ``pin`` is one of these."""
        same = self.ecosystem == pin.ecosystem and self.package == normal(pin.ecosystem, pin.package)
        return same and any(affected(versions, pin.version.removeprefix("v")) for versions in self.versions)


def normal(ecosystem: str, package: str) -> str:
    """Return the one spelling of a package's name."""
    match ecosystem:
        case "python":  # PEP 503
            return re.sub(r"[-_.]+", "-", package).lower()
        case "image":  # distribution/reference, normalize.go
            return package.removeprefix("docker.io/").removeprefix("library/")
        case "action":  # without the folder in the repository
            return "/".join(package.lower().split("/")[:2])
        case _:
            return package


def affected(versions: str, version: str) -> bool:
    """Tell whether a version is among those that an entry names."""
    if versions.startswith("<"):
        return not COMMIT.fullmatch(version) and numbers(version) < numbers(versions)
    return versions in {"*", version}


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version."""
    return tuple(map(int, re.findall(r"\d+", version)))


def compromised(pins: Iterable[Pin]) -> list[str]:
    """Return what is to be said of the pins that are on the list."""
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
    """Tell whether a file's name is of one of the patterns."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading of docs/pins.md."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def quoted(cell: str) -> set[str]:
    """Return what a cell has in backticks."""
    return set(re.findall(r"`([^`]+)`", cell))


RELEASES: Final = [Release(**entry) for entry in tomllib.loads((ROOT / "ci/compromised.toml").read_text())["release"]]
BY_HAND: Final = [pin for pin in pins() if not matches(pin.file, LOCKS)]
LOCKED: Final = sorted({pin.file for pin in pins()} - {pin.file for pin in BY_HAND})
MODULES: Final = [name for name in LOCKED if name.endswith("go.mod")]
REQUIREMENTS: Final = [name for name in LOCKED if name not in MODULES]


def test_no_pin_is_a_compromised_release() -> None:
    """The failure names file, pin and advisory."""
    assert compromised(pins()) == []


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: f"{release.ecosystem}-{release.package}")
def test_a_listed_release_is_found_in_a_file_that_names_it(release: Release) -> None:
    """The list is spelled as pins are, or it would find nothing."""
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
        f"- uses: Aquasecurity/trivy-action/sub@{'a' * 40} # v0.34.0",
        f"- uses: tj-actions/changed-files@{'a' * 40} # v9",
        "FROM docker.io/aquasec/trivy:0.69.5 AS scanner",
        "COPY --from=aquasec/trivy:0.69.5 /usr/local/bin/trivy /",
        "require github.com/aquasecurity/trivy v0.69.4",
    ],
)
def test_a_compromised_release_is_found_however_it_is_spelled(line: str) -> None:
    """Letters, dashes, extras, registries, folders and tags do not hide it."""
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
def test_a_sound_release_is_not_found(line: str) -> None:
    """Neither the release before, nor the one after, nor a name that is only like it."""
    assert list(Pin.read("planted", line))
    assert compromised(Pin.read("planted", line)) == []


def test_what_is_chosen_by_hand_is_listed_with_every_file_that_names_it() -> None:
    """Images, tools, actions and the module's libraries: docs/pins.md says all of them, and nothing else."""
    listed = {pin: quoted(row[2]) for row in rows("By hand") for pin in quoted(row[1])}
    named: dict[str, set[str]] = {}
    for pin in BY_HAND:
        named.setdefault(str(pin), set()).add(pin.file)
    assert listed == named


def test_what_a_tool_resolves_is_listed() -> None:
    """Each lock file has its row in docs/pins.md."""
    assert sorted(file for row in rows("Locked") for file in quoted(row[1])) == LOCKED


def test_what_is_said_to_be_hashed_is_hashed() -> None:
    """A file whose row says so has a digest for each of its packages, and no other has."""
    said = {file for row in rows("Locked") if row[2].startswith("digests") for file in quoted(row[1])}
    whole = r"(?m)^[\w.-]+==\S+(?: ;.+)? \\\n(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
    texts = {name: (ROOT / name).read_text() for name in REQUIREMENTS}
    left = {name: re.findall(r"(?m)^[A-Za-z].*", re.sub(whole, "", text)) for name, text in texts.items()}
    assert said == {name for name, loose in left.items() if not loose}


def test_the_locks_of_the_checks_are_made_from_the_pins() -> None:
    """The linters are those of pins.py, and uv is the one that the image is installed with."""
    linters = {str(pin) for pin in Pin.read("linters", lock("linters.requirements"))}
    assert set(LINTERS) <= linters
    assert lock("uv.requirements") == (ROOT / "requirements.uv").read_text()


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_requirement_has_a_version(name: str) -> None:
    """Each line of a requirement file is a comment, an inclusion, a digest, or a pin."""
    lines = re.findall(r"(?m)^(?!-r |#).+", re.sub(r"\\\n", "", (ROOT / name).read_text()))
    assert lines
    assert [line for line in lines if not re.match(PATTERNS["python"], line)] == []


@pytest.mark.parametrize("name", MODULES)
def test_a_go_module_is_fixed_by_its_sum(name: str) -> None:
    """What go.mod names, go.sum holds; a replaced module is not fetched."""
    text, sums = (ROOT / name).read_text(), (ROOT / name).with_name("go.sum").read_text()
    replaced = set(re.findall(r"(\S+) =>", text))
    required = [pin for pin in Pin.read(name, text) if pin.package not in replaced or f"=> {pin}" in text]
    assert [str(pin) for pin in required if f"{pin}" not in sums] == []
