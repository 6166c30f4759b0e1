#!/usr/bin/env python3
"""An OCI runtime: runc, but without the capability CAP_SYS_RESOURCE, for a machine that lacks it.

`docker run --privileged` and `docker exec` ask for every capability, and runc fails if it cannot grant one; the dagger
CLI then waits without end for an engine. The capabilities are in the file `config.json` of the folder of
`create --bundle FOLDER`, and in the file of `exec --process FILE`:
https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config.md#process
"""

import json
import os
import sys
from pathlib import Path
from typing import Final

MISSING: Final = "CAP_SYS_RESOURCE"


def option(name: str) -> Path:
    """Return the value of an option of the command line."""
    return Path(sys.argv[sys.argv.index(name) + 1])


def remove_capability(file: Path) -> None:
    """Remove the capability from the configuration of a container, or of a process in one."""
    configuration = json.loads(file.read_text())
    process = configuration.get("process", configuration)
    for kind, names in process.get("capabilities", {}).items():
        process["capabilities"][kind] = [name for name in names if name != MISSING]
    file.write_text(json.dumps(configuration))


if "create" in sys.argv:
    remove_capability(option("--bundle") / "config.json")
elif "exec" in sys.argv:
    remove_capability(option("--process"))
os.execvp("runc", ["runc", *sys.argv[1:]])  # noqa: S606 - Docker waits for this process
