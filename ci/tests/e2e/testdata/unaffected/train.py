"""A training that fails if another source has left a file in its container."""

import os
import sys
from pathlib import Path


def left() -> list[str]:
    """Return the names of the files that another source has left in this container."""
    found = []
    for parent, folders, names in os.walk("/"):
        if parent == "/":
            folders[:] = set(folders) - {"proc", "sys"}
        found += [name for name in names if name.startswith("left-by-")]
    return found


if __name__ == "__main__":
    if found := left():
        sys.exit(f"left by another source: {found}")
    output = sys.argv[2].removeprefix("--output=")
    Path(output, "model").write_text("trained")
