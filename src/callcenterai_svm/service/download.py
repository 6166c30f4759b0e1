"""Downloads the artifacts of MODEL_URI into a folder: ``python -P download.py FOLDER``.

It runs in a process of its own, because MLflow has no overall time limit: it retries an
unreachable host for minutes, and a thread that waits for it cannot be stopped, whereas a
process can. This also saves the service the seconds and the memory of importing MLflow.
"""

import os
import sys

from mlflow.artifacts import download_artifacts


def main(folder: str) -> int:
    """Downloads; returns 0, or 1 after printing a one-line reason to stderr."""
    try:
        download_artifacts(artifact_uri=os.environ["MODEL_URI"], dst_path=folder)
    except Exception as error:  # MLflow does not wrap the errors of its transports
        print(_reason(error), file=sys.stderr)
        return 1
    return 0


def _reason(error: BaseException) -> str:
    """Returns one line that begins with the system error at the root, if there is one."""
    line = " ".join(f"{type(error).__name__}: {error}".split())
    root = error
    while cause := root.__cause__ or root.__context__:
        root = cause
    # At the end of MLflow's long message it would be cut off.
    system_error = root.strerror if isinstance(root, OSError) else None
    return f"{system_error}: {line}" if system_error else line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
