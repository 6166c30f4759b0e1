"""The architecture of the package, checked by reading its code: imports, images, privileges, length of files."""

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
LAYERS: Final = [path for path in MODULES if path.parent != PACKAGE]
PINS: Final = PACKAGE / "pins.py"
PROJECT: Final = tomllib.loads((CI / "pyproject.toml").read_text())["project"]

# The modules of the package that each layer may import: its own and those of the layers below.
ALLOWED: Final = {
    "errors": ("stage_ci.errors",),
    "rules": ("stage_ci.errors", "stage_ci.rules"),
    "adapters": ("stage_ci.errors", "stage_ci.pins", "stage_ci.rules", "stage_ci.adapters"),
    "steps": ("stage_ci.errors", "stage_ci.pins", "stage_ci.rules", "stage_ci.adapters", "stage_ci.steps"),
}
# What rules may import besides the package: parsers, but nothing that starts processes or opens connections.
PURE: Final = (sys.stdlib_module_names | {"packaging", "ruamel"}) - {
    "ftplib",
    "http",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
}

# A name and a tag (distribution/reference, regexp.go). The tag starts like a version or is one that moves; a number of
# four or five digits is a port, as in registry:5000.
IMAGE: Final = re.compile(
    r"(?!sha256:)[a-z][\w.-]*(?::\d+)?(?:/[\w.-]+)*:(?!\d{4,5}$)(?:v?\d[\w.-]*|latest|edge|main|stable|nightly)"
    r"(?:@sha256:[0-9a-f]{64})?"
)
# An image or a package with a version: name:1.2, name:v1, name==1.2.
PIN: Final = re.compile(r"[a-z][\w./:-]*(?::v?|==)\d[\w.-]*(?:@sha256:[0-9a-f]{64})?")
# The functions of adapters/toolchain.py that return a container whose commands run as root.
TOOLCHAINS: Final = {"python", "with_linters", "with_requirements", "with_sigstore", "workspace"}
# Privileges that Dagger can give a container: all capabilities of root, access to the engine, sockets of the host.
PRIVILEGES: Final = {
    "insecure_root_capabilities",
    "experimental_privileged_nesting",
    "Socket",
    "unix_socket",
    "with_unix_socket",
}


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of each import of a module, also of those inside functions."""
    package = ["stage_ci", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module, names, level):
                above = package[: len(package) - level + 1] if level else []
                yield from (".".join([*above, *filter(None, [module]), alias.name]) for alias in names)


def strings(path: Path) -> Iterator[str]:
    """Yield the string constants of a module except docstrings."""
    tree = ast.parse(path.read_text())
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if id(node) not in docs:
                yield text


def privileges(code: str) -> list[str]:
    """Return the privileges that a module's code uses, by a keyword, a method, or an argument's type."""
    found = []
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.keyword(str(word)) | ast.Attribute(_, word) if word in PRIVILEGES:
                found.append(word)
            case ast.Attribute(ast.Name("dag"), "host"):
                found.append("host")
    return found


def run_by_root(code: str) -> list[str]:
    """Return the functions of a module that start from a pinned image or a toolchain and never call `as_nobody`."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            called = {
                ast.unparse(call.func).rsplit(".", 1)[-1] for call in ast.walk(node) if isinstance(call, ast.Call)
            }
            pinned = any(ast.unparse(each).startswith("pins.") for each in ast.walk(node) if isinstance(each, ast.expr))
            takes = ("from_" in called and pinned) or called & TOOLCHAINS
            if takes and "as_nobody" not in called:
                found.append(node.name)
    return found


def name(path: Path) -> str:
    """Return a module's path for the name of a test."""
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", LAYERS, ids=name)
def test_a_layer_imports_no_layer_above_it(path: Path) -> None:
    """Errors import no rule, rules no adapter, adapters no step, and steps no main object."""
    allowed = ALLOWED[path.relative_to(PACKAGE).parts[0]]
    own = [module for module in imports(path) if module.startswith("stage_ci")]
    assert [module for module in own if not f"{module}.".startswith(tuple(f"{prefix}." for prefix in allowed))] == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "rules").rglob("*.py")), ids=name)
def test_a_rule_imports_no_transport(path: Path) -> None:
    """Rules import neither Dagger nor a client of HTTP or git, so a test calls them without a server."""
    assert [module for module in imports(path) if module.partition(".")[0] not in PURE | {"stage_ci"}] == []
    assert [module for module in imports(path) if module.startswith("urllib.request")] == []


def test_the_pins_import_no_module_of_the_package() -> None:
    """pins.py, which every layer may import, imports no module of the package."""
    assert [own for own in imports(PINS) if own.startswith("stage_ci")] == []


@pytest.mark.parametrize("path", [*MODULES, *sorted((CI / "tests").rglob("*.py"))], ids=lambda path: path.name)
def test_a_file_is_short_enough_to_read(path: Path) -> None:
    """Each file of the package and its tests has at most 300 lines."""
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", [path for path in MODULES if path != PINS], ids=name)
def test_only_the_pins_name_images(path: Path) -> None:
    """No module except pins.py contains the name of an image."""
    assert [text for text in strings(path) if IMAGE.fullmatch(text)] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_container_starts_from_a_literal_image(path: Path) -> None:
    """`from_` never gets a literal, so each image comes from the pins or from a Dockerfile."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    bases = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "from_"]
    given = [node for base in bases for node in [*base.args, *(keyword.value for keyword in base.keywords)]]
    assert [ast.unparse(node) for node in given if isinstance(node, ast.Constant | ast.JoinedStr)] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_container_has_a_privilege(path: Path) -> None:
    """No module gives a container access to the host, the engine or root's capabilities."""
    assert privileges(path.read_text()) == []


@pytest.mark.parametrize(
    ("code", "found"),
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
def test_a_privilege_is_found(code: str, found: list[str]) -> None:
    """A privilege is found as a keyword, as a method, and as the type of an argument."""
    assert privileges(code) == found


@pytest.mark.parametrize("path", sorted(set(MODULES) - {PACKAGE / "adapters" / "toolchain.py"}), ids=name)
def test_no_command_runs_as_root(path: Path) -> None:
    """Outside of toolchain.py, whose layers install packages, no function runs commands as root."""
    assert run_by_root(path.read_text()) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def push(): return dag.container().from_(pins.SKOPEO).with_exec([])", ["push"]),
        ("async def test(): return toolchain.with_requirements(a, b).with_exec([])", ["test"]),
        ("def push(): return as_nobody(dag.container().from_(pins.SKOPEO)).with_exec([])", []),
        ("def resolve(name): return dag.container().from_(name).image_ref()", []),
    ],
)
def test_a_command_that_runs_as_root_is_found(code: str, found: list[str]) -> None:
    """Commands of root are found on pinned images and on toolchains; resolving an image runs no command."""
    assert run_by_root(code) == found


@pytest.mark.parametrize("pin", list(strings(PINS)))
def test_a_pin_has_a_fixed_version(pin: str) -> None:
    """Each pin has a version, not a tag that moves such as `latest`, and may have a digest behind it."""
    assert PIN.fullmatch(pin)
    assert "@" in pin or PIN.fullmatch(f"{pin}@sha256:{'a' * 64}")


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("python:3.11-slim", True),
        ("quay.io/skopeo/stable:v1.20.0", True),
        (f"quay.io/skopeo/stable:v1.20.0@sha256:{'a' * 64}", True),
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
def test_an_image_is_distinguished_from_other_text(text: str, image: bool) -> None:  # noqa: FBT001 - the example's second half
    """Ports, digests, users and sentences are not taken for images."""
    assert bool(IMAGE.fullmatch(text)) is image


def test_one_version_of_trivy_is_named_everywhere() -> None:
    """The pinned image, its stand-in and the Go module of the stand-in have the same version."""
    files = [PINS, CI / "engine/images/names", CI / "engine/trivy/go.mod"]
    named = re.findall(r"\btrivy[: ]v?(\d+\.\d+\.\d+)", "\n".join(map(Path.read_text, files)))
    assert len(named) >= len(files)
    assert len(set(named)) == 1


def test_the_client_library_has_no_version() -> None:
    """pyproject.toml gives no version for dagger-io, because the engine installs the one that matches it."""
    assert "dagger-io" in PROJECT["dependencies"]


def test_the_module_is_tested_with_its_dependencies() -> None:
    """requirements.dev pins each library at the version in pyproject.toml, which gives none for the client library."""
    installed = {canonicalize_name(pin.name): pin for pin in read_requirements((CI / "requirements.dev").read_text())}
    for library in map(Requirement, PROJECT["dependencies"]):
        pin = installed[canonicalize_name(library.name)]
        assert pin.specifier == library.specifier or library.name == "dagger-io"


def test_the_generated_client_is_not_committed() -> None:
    """Git tracks no file of `sdk/`, which the engine generates for its own version."""
    listing = subprocess.run(["git", "ls-files", "sdk"], cwd=CI, capture_output=True, text=True, check=False)
    assert listing.stdout == ""
