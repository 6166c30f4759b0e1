"""What is said if a run of Trivy fails."""

from typing import Any, Self
from unittest.mock import Mock

import anyio
import pytest
from tests.unit.adapters.engine_errors import ended

from stage_ci.adapters import scanner
from stage_ci.errors import EngineError, ScannerUnavailable
from stage_ci.rules.waivers import Waivers


class FailingContainer:
    """Any container whose commands fail."""

    def __init__(self, stderr: str) -> None:
        """Let each command fail after it wrote ``stderr``."""
        self.error = ended("trivy", stderr=stderr)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of a container
        """Return a method that returns this container."""
        return lambda *_arguments, **_named: self

    async def sync(self) -> Self:
        """Fail."""
        raise self.error


def look_for_secrets(monkeypatch: pytest.MonkeyPatch, stderr: str) -> None:
    """Look for secrets in an image with a Trivy that fails."""
    monkeypatch.setattr(scanner, "_trivy", lambda: FailingContainer(stderr))
    monkeypatch.setattr(scanner, "dag", Mock())
    anyio.run(scanner.find_secrets, Mock(), Waivers())


@pytest.mark.fault(37)
@pytest.mark.parametrize("stderr", ["", "\n \n"])
def test_the_engines_failure_is_not_the_scanners(monkeypatch: pytest.MonkeyPatch, stderr: str) -> None:
    """If Trivy wrote nothing, the cause is the engine's message, and the database is not blamed."""
    with pytest.raises(EngineError) as caught:
        look_for_secrets(monkeypatch, stderr)
    assert "process did not complete successfully: exit code: 1" in str(caught.value)
    assert "--trivy-db" not in str(caught.value)


@pytest.mark.fault(37)
def test_the_scanners_failure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """If Trivy failed, the cause is the last line that it wrote."""
    with pytest.raises(ScannerUnavailable, match="the scanner could not run: init error: x"):
        look_for_secrets(monkeypatch, "2026-05-04T12:00:01Z\tFATAL\tFatal error\trun error: init error: x\n")
