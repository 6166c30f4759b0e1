"""Measures the edit of manifests that are built to be expensive, and writes bench/manifest.json.

    make bench-manifest     # about two minutes

Each manifest is edited in a process of its own, which reports its time and the growth of its memory. The cost of an
ordinary manifest is a row of `make bench`.
"""

import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from stage_ci.errors import StageError
from stage_ci.rules.manifest import Target, update
from stage_ci.rules.manifest.text import MAX_BYTES
from stage_ci.rules.reference import Repository

RESULT: Final = Path(__file__).with_suffix(".json")
IMAGE: Final = "owner/service"
TARGET: Final = Target(Repository.parse(IMAGE), "v1.0.11")
DOCUMENT: Final = f"""apiVersion: apps/v1
kind: Deployment
metadata:
  name: service
  labels: {{app: service, tier: model}}
spec:
  replicas: 2
  template:
    spec:
      # {IMAGE}:v1.0.10
      containers:
        - name: api
          image: {IMAGE}:v1.0.10
          args: ["--port", '8000']
          resources:
            limits: {{cpu: "1", memory: 512Mi}}
"""


def full(piece: str, before: str = "", after: str = "") -> str:
    """Return a text of the maximum size, made of one repeated piece."""
    return before + piece * ((MAX_BYTES - len(before) - len(after)) // len(piece)) + after


def laughs() -> str:
    """Return ten lists, each with nine aliases of the previous one (https://en.wikipedia.org/wiki/Billion_laughs_attack)."""
    lists = (f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10))
    return "a0: &a0 [" + ", ".join("x" * 9) + "]\n" + "".join(lists)


COSTLY: Final[dict[str, Callable[[], str]]] = {
    "aliases of aliases": laughs,
    "aliases of one long list": lambda: full("*a,", "[&a [" + "x," * 1_000 + "],", "]"),
    "brackets that do not close": lambda: full("["),
    "braces that do not close": lambda: full("{"),
    "a quote that does not close": lambda: full("a", 'k: "'),
    "dashes": lambda: full("- "),
    "keys of keys": lambda: full("? "),
    "one key, repeated": lambda: full("a: b\n"),
    "a template, repeated": lambda: full("a: {{ b\n"),
    "a template behind a long text": lambda: full("# text\n", after="a: {{ b }}\n"),
    "tags": lambda: full("!!str x,", "[", "]"),
    "tag directives": lambda: full("%TAG !a! tag:x,2000:\n"),
    "one long scalar": lambda: full("a ", "k: "),
    "one long block": lambda: full("  a\n", "k: |\n"),
    "blanks": lambda: full(" ", "k: "),
    "empty documents": lambda: full("---\n"),
    "one long image": lambda: full("a-", "kind: Pod\nspec: {containers: [{image: '", "/x:Y!!'}]}"),
    "as many images as fit": lambda: full(f"  - image: {IMAGE}:v1.0.10\n", "kind: Pod\nspec:\n  containers:\n"),
    "one byte too many": lambda: "a" * (MAX_BYTES + 1),
}


def edit(text: str) -> str:
    """Return the result of an edit: the number of references, or the error."""
    try:
        return f"{len(update(text.encode(), TARGET, filename='svm.yaml').changes)} references moved"
    except StageError as error:
        return str(error).partition(";")[0]


def costly(name: str) -> dict[str, Any]:
    """Return the time and memory that the edit of one costly manifest takes in this process, and its result."""
    text = COSTLY[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    ended = edit(text)
    took = time.process_time() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # Linux reports KiB: https://man7.org/linux/man-pages/man2/getrusage.2.html
    return {"bytes": len(text.encode()), "seconds": round(took, 2), "mebibytes": grown // 1024, "ended": ended}


def main() -> int:
    """Measure, and write the result."""
    # One process for each: the peak memory of a process never falls.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        found = dict(zip(COSTLY, pool.map(costly, COSTLY, chunksize=1), strict=True))
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(RESULT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
