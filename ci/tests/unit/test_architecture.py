"""The structure that the module's code keeps, held by reading the code without running it."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stage_ci.rules.requirement_file import read_requirements

CI: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = CI / "src/stage_ci"
MODULES: Final = sorted(PACKAGE.rglob("*.py"))
ROOMS: Final = [path for path in MODULES if path.parent != PACKAGE]
PINS: Final = PACKAGE / "pins.py"
PROJECT: Final = tomllib.loads((CI / "pyproject.toml").read_text())["project"]

# What each room may import of the package: itself and what lies beneath, never what is above.
BENEATH: Final = {
    "rules": ("stage_ci.errors", "stage_ci.rules"),
    "adapters": ("stage_ci.errors", "stage_ci.pins", "stage_ci.rules", "stage_ci.adapters"),
    "steps": ("stage_ci.errors", "stage_ci.pins", "stage_ci.rules", "stage_ci.adapters", "stage_ci.steps"),
}
# What rules may import beside the package: parsers, nothing that reaches a process, a file or a wire.
PURE: Final = (sys.stdlib_module_names | {"packaging", "ruamel"}) - {
    "ftplib",
    "http",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
}

# distribution/reference, regexp.go: a whole string that is a name and a tag. A tag that starts as versions do, or is a
# moving one; four digits or more are a port, as in registry:5000.
IMAGE: Final = re.compile(
    r"(?!sha256:)[a-z][\w.-]*(?::\d+)?(?:/[\w.-]+)*:(?!\d{4,5}$)(?:v?\d[\w.-]*|latest|edge|main|stable|nightly)"
    r"(?:@sha256:[0-9a-f]{64})?"
)
# An image or a package at a version: name:1.2, name:v1, name==1.2.
PIN: Final = re.compile(r"[a-z][\w./:-]*(?::v?|==)\d[\w.-]*(?:@sha256:[0-9a-f]{64})?")
# What a container asks Dagger for beyond its own: all of root's capabilities, an engine inside, sockets of the machine.
PRIVILEGES: Final = {
    "insecure_root_capabilities",
    "experimental_privileged_nesting",
    "Socket",
    "unix_socket",
    "with_unix_socket",
}


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of everything that a module imports, wherever in it."""
    package = ["stage_ci", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module, names, level):
                above = package[: len(package) - level + 1] if level else []
                yield from (".".join([*above, *filter(None, [module]), alias.name]) for alias in names)


def strings(path: Path) -> Iterator[str]:
    """Yield the text constants of a module that are no docstrings."""
    tree = ast.parse(path.read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if id(node) not in docs:
                yield text


def privileges(code: str) -> list[str]:
    """Return the privileges that a module's code asks for: by a keyword, a method, or an argument's type."""
    asked = []
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.keyword(str(word)) | ast.Attribute(_, word) if word in PRIVILEGES:
                asked.append(word)
            case ast.Attribute(ast.Name("dag"), "host"):
                asked.append("host")
    return asked


def run_by_root(code: str) -> list[str]:
    """Return the functions of a module that take a pinned image, or an interpreter, and leave its commands to root."""
    left = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            called = {
                ast.unparse(call.func).rsplit(".", 1)[-1] for call in ast.walk(node) if isinstance(call, ast.Call)
            }
            pinned = any(ast.unparse(each).startswith("pins.") for each in ast.walk(node) if isinstance(each, ast.expr))
            takes = ("from_" in called and pinned) or called & {"python", "with_linters", "with_requirements"}
            if takes and "as_nobody" not in called:
                left.append(node.name)
    return left


def name(path: Path) -> str:
    """Return how a test's report names a module."""
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", ROOMS, ids=name)
def test_a_room_imports_only_what_lies_beneath_it(path: Path) -> None:
    """Rules know no adapter, adapters know no step, steps know no main object."""
    beneath = BENEATH[path.relative_to(PACKAGE).parts[0]]
    own = [module for module in imports(path) if module.startswith("stage_ci")]
    assert [module for module in own if not f"{module}.".startswith(tuple(f"{room}." for room in beneath))] == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "rules").rglob("*.py")), ids=name)
def test_a_rule_knows_no_transport(path: Path) -> None:
    """Neither Dagger nor a client of HTTP or git: a rule is tested by calling it."""
    assert [module for module in imports(path) if module.partition(".")[0] not in PURE | {"stage_ci"}] == []
    assert [module for module in imports(path) if module.startswith("urllib.request")] == []


@pytest.mark.parametrize("module", ["errors.py", "pins.py"])
def test_errors_and_pins_stand_on_nothing(module: str) -> None:
    """Every room imports them, so they import none."""
    assert [own for own in imports(PACKAGE / module) if own.startswith("stage_ci")] == []


@pytest.mark.parametrize("path", [*MODULES, *sorted((CI / "tests").rglob("*.py"))], ids=lambda path: path.name)
def test_a_file_is_short_enough_to_read(path: Path) -> None:
    """Three hundred lines: what grows beyond gets a room of its own name."""
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", [path for path in MODULES if path != PINS], ids=name)
def test_images_are_named_in_the_pins_only(path: Path) -> None:
    """One place says what runs; the others say its name there."""
    assert [text for text in strings(path) if IMAGE.fullmatch(text)] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_container_starts_from_a_name_of_the_pins(path: Path) -> None:
    """No text is given to `from_`, so no image without a version either."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    bases = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "from_"]
    given = [node for base in bases for node in [*base.args, *(keyword.value for keyword in base.keywords)]]
    assert [ast.unparse(node) for node in given if isinstance(node, ast.Constant | ast.JoinedStr)] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_container_asks_for_no_privilege(path: Path) -> None:
    """What runs in it reaches neither the machine nor the engine."""
    assert privileges(path.read_text()) == []


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ('c.with_exec(["id"], insecure_root_capabilities=True)', ["insecure_root_capabilities"]),
        ("c.as_service(experimental_privileged_nesting=True)", ["experimental_privileged_nesting"]),
        (
            'c.with_unix_socket("/var/run/docker.sock", dag.host().unix_socket("s"))',
            ["with_unix_socket", "unix_socket", "host"],
        ),
        ("async def build(docker: dagger.Socket) -> str: ...", ["Socket"]),
        ('c.with_exec(["id"]).as_service(use_entrypoint=True)', []),
    ],
)
def test_a_privilege_is_seen(code: str, asked: list[str]) -> None:
    """However it is asked for."""
    assert privileges(code) == asked


@pytest.mark.parametrize("path", sorted(set(MODULES) - {PACKAGE / "adapters" / "toolchain.py"}), ids=name)
def test_no_command_is_left_to_root(path: Path) -> None:
    """Only what installs packages, the layers of toolchain.py, needs root."""
    assert run_by_root(path.read_text()) == []


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("def push(): return dag.container().from_(pins.SKOPEO).with_exec([])", ["push"]),
        ("async def test(): return toolchain.with_requirements(a, b).with_exec([])", ["test"]),
        ("def push(): return as_nobody(dag.container().from_(pins.SKOPEO)).with_exec([])", []),
        ("def resolve(name): return dag.container().from_(name).image_ref()", []),
    ],
)
def test_a_command_left_to_root_is_seen(code: str, left: list[str]) -> None:
    """Whichever base it runs on; an image that is only looked at runs nothing."""
    assert run_by_root(code) == left


@pytest.mark.parametrize("pin", list(strings(PINS)))
def test_a_pin_has_a_version_that_does_not_move(pin: str) -> None:
    """`latest` is what somebody else decides next week."""
    assert PIN.fullmatch(pin)


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("python:3.11-slim", True),
        ("quay.io/skopeo/stable:v1.20.0", True),
        ("localhost:5000/owner/service:1.0", True),
        ("aquasec/trivy:latest", True),
        ("registry:5000", False),
        ("tcp://localhost:5000", False),
        ("sha256:0123456789", False),
        ("1000:1000", False),
        ("give an image, such as python:3.11-slim", False),
        ("medhedimaaroufi/callcenterai-svm", False),
    ],
)
def test_an_image_is_told_from_other_text(text: str, image: bool) -> None:  # noqa: FBT001 - the example's second half
    """Ports, digests, users and sentences are no images."""
    assert bool(IMAGE.fullmatch(text)) is image


def test_one_trivy_is_named_everywhere() -> None:
    """The image, the binary that stands in for it and their module agree."""
    places = [PINS, CI / "engine/images/names", CI / "engine/trivy/go.mod"]
    named = re.findall(r"\btrivy[: ]v?(\d+\.\d+\.\d+)", "\n".join(map(Path.read_text, places)))
    assert len(named) >= len(places)
    assert len(set(named)) == 1


def test_the_client_library_is_the_engine_s_choice() -> None:
    """The engine brings the client of its own version: a version in pyproject.toml would fight it."""
    assert "dagger-io" in PROJECT["dependencies"]


def test_the_module_is_developed_with_what_it_runs_with() -> None:
    """requirements.dev pins each library at the version in pyproject.toml, which gives none for the client library."""
    installed = {canonicalize_name(pin.name): pin for pin in read_requirements((CI / "requirements.dev").read_text())}
    for library in map(Requirement, PROJECT["dependencies"]):
        pin = installed[canonicalize_name(library.name)]
        assert pin.specifier == library.specifier or library.name == "dagger-io"


def test_the_generated_client_is_not_committed() -> None:
    """`sdk/` is written by the engine for its own version."""
    listing = subprocess.run(["git", "ls-files", "sdk"], cwd=CI, capture_output=True, text=True, check=False)
    assert listing.stdout == ""
