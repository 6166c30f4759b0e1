"""Cache volumes, which outlive a run: no container that runs the code of a source mounts one."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

CI: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = CI / "src/stage_ci"
# The functions that name or mount a volume. Their containers run Trivy, or a server of a rehearsal.
USERS: Final = {
    "adapters/scanner.py": {"_with_archive"},
    "adapters/services.py": {"registry", "reset", "_git", "_volume"},
}
# What brings code of a source, or of the packages that it names, into a container.
CODE_OF_SOURCES: Final = {"with_source", "with_requirements", "install", "docker_build", "build", "Source"}

pytestmark = pytest.mark.fault(54)


def names(function: ast.AST) -> set[str]:
    """Return every name and attribute in a function."""
    found = set()
    for node in ast.walk(function):
        match node:
            case ast.Attribute(_, str(name)) | ast.Name(str(name)):
                found.add(name)
    return found


def volume_users(code: str) -> dict[str, set[str]]:
    """Return the functions that name or mount a cache volume, each with all names in it."""
    functions = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = {function.name: names(function) for function in functions}
    return {name: used for name, used in found.items() if used & {"cache_volume", "with_mounted_cache"}}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_container_with_the_code_of_a_source_mounts_a_volume(path: Path) -> None:
    """Only the scanner and the servers of a rehearsal have volumes, and what uses one handles no source."""
    users = volume_users(path.read_text())
    assert set(users) == USERS.get(str(path.relative_to(PACKAGE)), set())
    assert {name: used & CODE_OF_SOURCES for name, used in users.items() if used & CODE_OF_SOURCES} == {}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def install(c): return c.with_mounted_cache('/root/.cache/uv', dag.cache_volume('uv'))", ["install"]),
        ("async def run(c, volume): await c.with_mounted_cache('/x', volume).sync()", ["run"]),
        ("class A:\n    def volume(self): return dag.cache_volume(self.name)", ["volume"]),
        ("def scratch(c): return c.with_mounted_temp('/x')", []),
    ],
)
def test_a_use_of_a_volume_is_found(code: str, found: list[str]) -> None:
    """Functions and methods that name a volume or mount one are found; a temporary mount is no volume."""
    assert list(volume_users(code)) == found


def test_installations_have_no_download_cache() -> None:
    """Where packages are installed, uv is told to keep no download."""
    tree = ast.parse((PACKAGE / "adapters/toolchain.py").read_text())
    calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert any(call.endswith(".with_env_variable('UV_NO_CACHE', '1')") for call in calls)


def test_the_runtime_s_volume_is_not_one_of_the_module() -> None:
    """The runtime of ci/engine has a volume for the module's own packages, with a name that nothing else uses."""
    runtime = (CI / "engine/sdk-python/main.go").read_text()
    assert re.findall(r'CacheVolume\("([^"]*)"\)', runtime) == ["python-sdk"]
    assert not [path for path in PACKAGE.rglob("*.py") if "python-sdk" in path.read_text()]
