"""What a stage shows while it runs and about its time: the first failure, the steps and their durations."""

import json
import time
from pathlib import Path
from typing import Final

from cli import MINIMAL_SERVICE, Rehearsal

UNTIDY: Final = "x = {  'a':1 }\n"
SLEEP: Final = 600  # seconds of a test; far longer than everything else takes
SLEEPING_TEST: Final = f'''"""A test that goes on long after every other step."""

import time


def test_nothing() -> None:
    """Sleep."""
    time.sleep({SLEEP})
'''
FAILING_TEST: Final = '''"""A test that fails."""


def test_nothing() -> None:
    """Fail."""
    assert False
'''


def test_fail_fast_ends_a_stage_at_the_first_failure(rehearsal: Rehearsal, source: Path) -> None:
    """With `--fail-fast`, a finding of a linter ends the stage while the tests still run, and it alone is reported."""
    (source / "src" / "service" / "untidy.py").write_text(UNTIDY)
    (source / "tests" / "unit" / "test_sleep.py").write_text(SLEEPING_TEST)
    began = time.monotonic()
    call = rehearsal.stage(source, "--fail-fast")
    assert time.monotonic() - began < SLEEP
    assert call.status != 0
    assert call.error.startswith("Error: ")
    assert "lint: black: /work/src/service/untidy.py" in call.error
    assert "test:" not in call.error
    assert "First failure" not in call.stderr


def test_the_first_failure_is_printed_before_the_others(rehearsal: Rehearsal, source: Path) -> None:
    """The first failure has a line of its own on standard error, before the error that lists all of them."""
    (source / "src" / "service" / "untidy.py").write_text(UNTIDY)
    (source / "tests" / "unit" / "test_failure.py").write_text(FAILING_TEST)
    call = rehearsal.stage(source)
    assert call.status != 0
    first, end = call.stderr.index("First failure, the other steps go on: "), call.stderr.rindex("\nError: ")
    assert first < end
    assert "lint: black: /work/src/service/untidy.py" in call.error
    assert "test: 1 of 2 tests failed" in call.error


def test_the_json_of_a_stage_has_its_timeline(rehearsal: Rehearsal) -> None:
    """The JSON of a stage has start and seconds of each step, and publishing starts after every check has ended."""
    call = rehearsal.stage(MINIMAL_SERVICE, "--format=json")
    assert call.status == 0, call.stderr
    spans = {span["step"]: span for span in json.loads(call.stdout)["timeline"]}
    checks = {"lint", "test", "build", "archive", "database", "scan", "secrets", "smoke"}
    releasing = ["publish", "evidence", "record", "deploy"]
    assert set(spans) == {*checks, "connect", "preflight", *releasing}
    ended = max(spans[step]["start"] + spans[step]["seconds"] for step in checks)
    assert spans["publish"]["start"] >= round(ended, 1) - 0.1
    assert sorted(releasing, key=lambda step: spans[step]["start"]) == releasing
