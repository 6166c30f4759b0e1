"""Measures the pipeline, prints a table and writes results.json.

    make bench                   # everything: about 50 minutes on two cores
    make bench ARGS="F1 F4"      # only these groups of rows; the others in results.json stay as they are

README.md describes the rows. The runs of both sides of a ratio alternate, so that other load on the machine affects
both.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench import bare, cold, editing, edits, listing, machine, module_edit, races, rows, warm
from bench.rows import MeasurementError, Row
from bench.session import Session

RESULTS: Final = Path(__file__).parent / "results.json"
# In the order of the measurements. F9, which replaces the engine, goes first: its goal is a time, and some machines
# become slower under load. Then F3 empties the engine's cache, which the others fill again.
GROUPS: Final[Mapping[str, Callable[[Session], list[Row]]]] = {
    "F0": machine.measure,
    "F9": bare.measure,
    "F3": cold.measure,
    "F1": warm.measure,
    "F2": edits.measure,
    "F5": edits.containers,
    "F4": module_edit.measure,
    "F7": lambda session: [*listing.measure(session), *editing.measure(session)],
    "F8": races.measure,
}


def main() -> int:
    """Measure the groups of the command line; return 1 if one could not be measured."""
    parser = argparse.ArgumentParser(prog="bench", description="measure the pipeline")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"{', '.join(sorted(GROUPS))} (default: all)")
    # Always with F0: seconds mean something only on a machine of known speed.
    selected = ["F0", *(parser.parse_args().groups or GROUPS)]
    unknown = sorted(set(selected) - set(GROUPS))
    if unknown:
        parser.error(f"invalid groups {', '.join(unknown)}: expected {', '.join(sorted(GROUPS))}")
    # Ends the programs that were started, and F9 brings back the engine that it has replaced.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with TemporaryDirectory(prefix="bench-") as folder:
        failures = measure(Session(Path(folder)), {name: GROUPS[name] for name in GROUPS if name in selected}, RESULTS)
    sys.stdout.write(rows.table(rows.read(RESULTS)))
    return 1 if failures else 0


def measure(session: Session, groups: Mapping[str, Callable[[Session], Iterable[Row]]], path: Path) -> list[str]:
    """Measure groups of rows and write them; return the names of those that could not be measured.

    Args:
        session: What the measurements share.
        groups: The functions that return the rows of a group, by its name.
        path: The file of all rows, which is written after each group. The rows of a group that cannot be measured, and
            those of the groups that are not given, stay as they are.
    """
    failures = []
    for name, function in groups.items():
        _log(f"measuring {name}")
        try:
            measured = list(function(session))
        except MeasurementError as error:
            failures.append(name)
            _log(f"error: {name} was not measured: {error}")
        else:
            rows.write(path, rows.merge(rows.read(path), measured))
            _log(rows.table(measured).rstrip("\n"))
    return failures


def _log(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
