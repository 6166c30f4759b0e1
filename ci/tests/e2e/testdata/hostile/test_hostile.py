"""Tests that leave a file wherever they may write."""

import contextlib
from pathlib import Path

CACHES = ("/root/.cache/uv", "/tmp/.cache/uv", "/tmp/.cache/pip", "/analyses", "/database", "/venv", "/tmp")


def test_the_package_has_left_its_files() -> None:
    """The package has run at its installation, in this container."""
    assert Path("/analyses/left-by-package").read_text() == "left"


def test_something_is_left() -> None:
    """At least the folder for temporary files takes a file."""
    for cache in CACHES:
        with contextlib.suppress(OSError):
            Path(cache).mkdir(parents=True, exist_ok=True)
            Path(cache, "left-by-tests").write_text("left")
    assert Path("/tmp/left-by-tests").read_text() == "left"
