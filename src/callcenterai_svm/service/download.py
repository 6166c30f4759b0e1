"""Copies what MODEL_URI names into a folder: ``python -P download.py FOLDER``.

A process of its own because MLflow has no overall time limit: it retries a wrong host
for minutes, and a thread that waits in it cannot be stopped. A process can. The service
is also spared MLflow's seconds of import and its memory.
"""

import os
import sys

from mlflow.artifacts import download_artifacts


def main(folder: str) -> int:
    """Downloads; returns 0, or 1 after one last line that says why not."""
    try:
        download_artifacts(artifact_uri=os.environ["MODEL_URI"], dst_path=folder)
    except Exception as error:  # MLflow lets those of its transports through
        print(_reason(error), file=sys.stderr)
        return 1
    return 0


def _reason(error: BaseException) -> str:
    """One line that begins with the system's own word, if that is what went wrong."""
    line = " ".join(f"{type(error).__name__}: {error}".split())
    root = error
    while cause := root.__cause__ or root.__context__:
        root = cause
    # At the end of MLflow's sentence it would be cut off.
    word = root.strerror if isinstance(root, OSError) else None
    return f"{word}: {line}" if word else line


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
