"""Messages of the engine that are not about a command: images that cannot be pulled, and volumes in use."""

from typing import Final

import pytest

from stage_ci.rules.build_failure import engine_remedy, error_excerpt

DIGEST: Final = f"docker.io/library/python:3.11-slim@sha256:{'0' * 64}"
OFFLINE: Final = 'failed to do request: Head "https://host.example/v2/a/b": dial tcp 10.0.0.1:443: connection refused'


@pytest.mark.parametrize(
    ("name", "reason", "remedy"),
    [
        (DIGEST, f"{DIGEST}: not found", "name an image that its registry holds"),
        ("docker.io/library/nothing:1", "docker.io/library/nothing:1: not found", "name an image"),
        ("host.example/a/b:1", OFFLINE, None),
        ("docker.io/a/b:1", "pull access denied, repository does not exist or may require authorization", None),
    ],
)
def test_an_image_that_cannot_be_pulled_is_named_once_with_the_reason(
    name: str, reason: str, remedy: str | None
) -> None:
    """The engine repeats the reference until no room is left for the reason; an image that is missing has a remedy."""
    message = f'failed to resolve image "{name}": failed to resolve source metadata for {name}: {reason}'
    shown = f"the image {name} cannot be pulled: {reason.removeprefix(f'{name}: ')}"
    for text in (message, f"{message} [traceparent:00-ab-cd-01]", f"docker build: {message}\n"):
        assert error_excerpt(text, "", "") == shown
        assert (engine_remedy(text) or "").startswith(remedy or "")
        assert (engine_remedy(text) is None) == (remedy is None)


def test_another_failure_of_the_engine_has_no_remedy_of_an_image() -> None:
    """A message that is not about an image, such as that of a missing file, leaves the general remedy."""
    assert engine_remedy("lstat /src/nothing: not found") is None


def test_a_volume_in_use_is_not_blamed_on_the_network() -> None:
    """The engine's message names folders of its own; the excerpt says what they mean, the remedy what to do."""
    folder = "/run/engine/cache/snapshots/1"
    options = f"[{{Type:overlay Options:[workdir={folder}/work upperdir={folder}/fs lowerdir=/run/engine/2 volatile]}}]"
    message = f"failed to mount /run/engine/tmp/mount1: {options}: mount source: overlay, err: invalid argument"
    assert error_excerpt(message, "", "") == "the engine cannot mount a volume that another run has mounted"
    assert engine_remedy(message) == "run again when the other has ended, or give another --rehearsal"
