"""The scripts of ci/engine that run without an engine, and the modules that its build of Trivy replaces."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[2] / "engine"
TRIVY = ENGINE / "trivy"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state folder whose dagger command writes its arguments to the file `calls`, and fails for `test`."""
    for name in ("bin", "keys", "log"):
        (tmp_path / name).mkdir()
    command = tmp_path / "bin" / "dagger"
    command.write_text('#!/bin/sh\necho "$@" >>"${0%/bin/dagger}/calls"\n[ "$4" != test ]\n')
    command.chmod(0o755)
    return tmp_path


def prepare(state: Path, job: str) -> "subprocess.CompletedProcess[str]":
    """Run prepare_first_stage beside the background command ``job``."""
    script = f"""
        source {ENGINE}/settings.sh
        source {ENGINE}/parts/first_stage.sh
        {job} &
        job=$!
        sleep 0.2
        prepare_first_stage "$job"
        kill "$job" 2>/dev/null || true
    """
    environment = os.environ | {"STAGE_ENGINE_STATE": str(state)}
    return subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)


def test_functions_without_trivy_run_beside_its_build(state: Path) -> None:
    """While Trivy is being built, lint, test and smoke are called on this project, and each one's output is kept."""
    result = prepare(state, "sleep 60")
    assert result.returncode == 0
    calls = sorted((state / "calls").read_text().splitlines())
    assert calls == [f"-m {ENGINE.parents[1]} call {name}" for name in ("lint", "smoke", "test")]
    assert {path.name for path in (state / "log").iterdir()} == {"first-lint", "first-smoke", "first-test"}


def test_a_function_that_fails_prints_a_warning(state: Path) -> None:
    """A function that fails beside the build of Trivy prints one warning with its log, and the start goes on."""
    result = prepare(state, "sleep 60")
    warnings = [line for line in result.stderr.splitlines() if "warning: " in line]
    assert (result.returncode, len(warnings)) == (0, 1)
    assert "`dagger call test` failed" in warnings[0]
    assert warnings[0].endswith(f"see {state}/log/first-test")


@pytest.mark.parametrize(("job", "keys"), [("true", []), ("sleep 60", ["scanner-image"])], ids=["built", "rebuilt"])
def test_nothing_is_prepared_for_a_later_stage(state: Path, job: str, keys: list[str]) -> None:
    """If Trivy is built already, or built anew, no function is called and nothing is printed."""
    for name in keys:
        (state / "keys" / name).touch()
    result = prepare(state, job)
    assert (result.returncode, result.stderr) == (0, "")
    assert not (state / "calls").exists()


def test_each_absent_module_replaces_the_one_it_declares() -> None:
    """go.mod of Trivy replaces a module by the folder of absent/ that declares it, and uses every folder."""
    replaced = re.findall(r"^\t(\S+) => (\S+)$", (TRIVY / "go.mod").read_text(), re.MULTILINE)
    declared = {
        path.parent.relative_to(TRIVY): path.read_text().splitlines()[0].removeprefix("module ")
        for path in (TRIVY / "absent").glob("*/go.mod")
    }
    assert {Path(folder): module for module, folder in replaced} == declared
    assert {path.relative_to(TRIVY) for path in (TRIVY / "absent").iterdir()} == set(declared)
