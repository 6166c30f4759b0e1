"""The images of pins.py, pulled by digest.

The module's copy names each image with a tag that no registry has, so only the digest can find it, and no stand-in has
the name. The digests are those of this engine's registries: those of pins.py are the public ones.
"""

import re
from pathlib import Path
from typing import Final

import pytest
from cli import MINIMAL_SERVICE, REPOSITORY, Call, Rehearsal, copy_parts, start_in, wait_for

PINS: Final = "ci/src/stage_ci/pins.py"
IMAGE: Final = re.compile(r'(?<=: Final = ")([a-z./]+):([\w.-]+)@(sha256:[0-9a-f]{64})(?="$)', re.MULTILINE)
TAG: Final = "only-by-digest"
SKOPEO: Final = f"quay.io/skopeo/stable:{TAG}"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A copy of the module whose images are found by their digests only."""
    folder = tmp_path / "module"
    copy_parts(folder, ("dagger.json", "ci/pyproject.toml", "ci/requirements.lock", "ci/src", "examples/infra"))
    pins = folder / PINS
    text, count = IMAGE.subn(lambda pin: f"{pin[1]}:{TAG}@{digest(f'{pin[1]}:{pin[2]}')}", pins.read_text())
    assert count == 4
    pins.write_text(text)
    return folder


def digest(name: str) -> str:
    """Return the digest that a name has on this engine."""
    call = wait_for(start_in(REPOSITORY, "core", "container", "from", f"--address={name}", "image-ref"))
    assert call.status == 0, call.stderr
    return call.stdout.strip().partition("@")[2]


def stage(module: Path, rehearsal: Rehearsal) -> Call:
    """Stage the minimal service with a copy of the module."""
    words = ("-m", str(module), "call", *rehearsal.config, "stage", f"--source={MINIMAL_SERVICE}")
    return wait_for(start_in(REPOSITORY, *words))


def test_a_release_uses_images_of_the_pinned_digests(module: Path, rehearsal: Rehearsal) -> None:
    """Checks, registry, scan and push run in images that are found by digest alone."""
    call = stage(module, rehearsal)
    assert call.status == 0, call.stderr
    assert "Released: " in call.stdout


def test_an_exchanged_image_receives_no_password(module: Path, rehearsal: Rehearsal) -> None:
    """If the registry has no image of skopeo's digest, nothing is pushed; the error names the image and the reason."""
    pins = module / PINS
    exchanged = f"{SKOPEO}@sha256:{'0' * 64}"
    pins.write_text(re.sub(f"{SKOPEO}@sha256:[0-9a-f]{{64}}", exchanged, pins.read_text()))
    call = stage(module, rehearsal)
    assert call.status == 1
    assert call.error.startswith(f"Error: FunctionError: publish: the image {exchanged} cannot be pulled: ")
    assert "not found; name an image that its registry holds" in call.error
    assert rehearsal.inspect("tags") == ""
