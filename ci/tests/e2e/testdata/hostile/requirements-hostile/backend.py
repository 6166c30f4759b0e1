"""A build backend that runs as root when the package is installed, and leaves a file in every cache."""

import contextlib
import zipfile
from pathlib import Path

CACHES = ("/root/.cache/uv", "/root/.cache/pip", "/root/.cache/trivy", "/analyses", "/database", "/locks", "/venv")
METADATA = "Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: hostile\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(wheel_directory: str, *_: object, **__: object) -> str:
    """Leave a file in every cache and return the name of a package that holds nothing (PEP 517)."""
    for cache in CACHES:
        with contextlib.suppress(OSError):
            Path(cache).mkdir(parents=True, exist_ok=True)
            Path(cache, "left-by-package").write_text("left")
    name = "hostile-1.0-py3-none-any.whl"
    info = "hostile-1.0.dist-info"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        wheel.writestr(f"{info}/METADATA", METADATA)
        wheel.writestr(f"{info}/WHEEL", WHEEL)
        wheel.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return name
