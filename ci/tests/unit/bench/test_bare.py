"""The shell of a machine without an engine."""

from pathlib import Path

import pytest
from bench.bare import environment
from bench.session import native_state

STATE = Path("/var/lib/stage-engine")


def test_a_bare_machine_knows_no_engine_and_has_empty_caches() -> None:
    """The variables and the PATH that point to the present engine are left out; everything else is inherited."""
    variables = {
        "PATH": f"{STATE}/bin:/usr/bin:/bin",
        "HOME": "/root",
        "_EXPERIMENTAL_DAGGER_RUNNER_HOST": f"unix://{STATE}/run/engine.sock",
        "MAKELEVEL": "1",
        "ARGS": "F9",
        "PYTHONPATH": "ci/src",
        "GOCACHE": "/root/.cache/go-build",
    }
    assert environment(variables, Path("/srv/bare"), STATE) == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/root",
        "STAGE_ENGINE_STATE": "/srv/bare/state",
        "GOCACHE": "/srv/bare/go-build",
        "GOMODCACHE": "/srv/bare/go-modules",
        "XDG_CACHE_HOME": "/srv/bare/cache",
    }


def test_the_state_folder_is_that_of_the_engine_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine of ci/engine is known by its socket and by the marker in its folder."""
    monkeypatch.setenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST", f"unix://{tmp_path}/run/engine.sock")
    assert native_state() is None
    (tmp_path / ".stage-engine").touch()
    assert native_state() == tmp_path


@pytest.mark.parametrize(
    "host", ["", "tcp://127.0.0.1:1234", "docker-container://dagger-engine", "unix:///engine.sock"]
)
def test_another_engine_has_no_state_folder(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address, and with that of another engine, there is nothing that F9 could stop."""
    monkeypatch.setenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST", host)
    assert native_state() is None
