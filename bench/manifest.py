"""Measures the edit of a manifest, and writes bench/manifest.json.

    make bench-manifest     # about two minutes

The edit of a thousand documents and one parse of them by ruamel.yaml alternate, so that other load on the machine
affects both. Each costly manifest is edited in a process of its own, which reports its time and the growth of its
memory.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from stage_ci.errors import StageError
from stage_ci.rules.manifest import Target, update
from stage_ci.rules.manifest.text import MAX_BYTES
from stage_ci.rules.reference import Repository

RESULT: Final = Path(__file__).with_suffix(".json")
IMAGE: Final = "owner/service"
TARGET: Final = Target(Repository.parse(IMAGE), "v1.0.11")
DOCUMENTS: Final = 1_000
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


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time that `work` takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def edit(text: str) -> str:
    """Return the result of an edit: the number of references, or the error."""
    try:
        return f"{len(update(text.encode(), TARGET, filename='svm.yaml').changes)} references moved"
    except StageError as error:
        return str(error).partition(";")[0]


def ratios(rounds: int) -> dict[str, Any]:
    """Return the cost of an edit relative to a parse, and relative to the edit of half as many documents."""
    half, whole = "---\n".join([DOCUMENT] * (DOCUMENTS // 2)), "---\n".join([DOCUMENT] * DOCUMENTS)
    edit(half)
    parses, halves, wholes = zip(
        *(
            (
                seconds(lambda: list(YAML(typ="safe", pure=True).compose_all(whole))),
                seconds(lambda: edit(half)),
                seconds(lambda: edit(whole)),
            )
            for _ in range(rounds)
        ),
        strict=True,
    )
    parse, first, edited = (statistics.median(column) for column in (parses, halves, wholes))
    return {
        "documents": DOCUMENTS,
        "parse_seconds": round(parse, 2),
        "edit_seconds": round(edited, 2),
        "edit_to_parse": round(edited / parse, 2),
        "edit_to_edit_of_half": round(edited / first, 2),
    }


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
    parser = argparse.ArgumentParser(prog="bench-manifest", description="measure the edit of a manifest")
    parser.add_argument("--rounds", type=int, default=5, help="number of parses and edits (default: 5)")
    rounds = parser.parse_args().rounds
    # First, while this process is small: the peak memory of a child starts at its parent's.
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        endings = dict(zip(COSTLY, pool.map(costly, COSTLY, chunksize=1), strict=True))
    found = ratios(rounds) | {"costly": endings}
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(RESULT.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
