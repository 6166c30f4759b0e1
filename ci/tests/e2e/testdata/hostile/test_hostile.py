"""Tests that leave a file wherever they may write."""

import contextlib
from pathlib import Path

HOME = Path.home()  # the folder for temporary files, where these tests may write
CACHES = (HOME, HOME / ".cache/uv", HOME / ".cache/pip", Path("/root/.cache/uv"), Path("/analyses"), Path("/venv"))


def test_the_package_has_left_its_files() -> None:
    """The package has run at its installation, in this container."""
    assert Path("/analyses/left-by-package").read_text() == "left"


def test_something_is_left() -> None:
    """At least the home folder takes a file."""
    for cache in CACHES:
        with contextlib.suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            (cache / "left-by-tests").write_text("left")
    assert (HOME / "left-by-tests").read_text() == "left"
