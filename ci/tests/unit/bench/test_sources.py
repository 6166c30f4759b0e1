"""Copies of the service's source, and edits of one line."""

import csv
import difflib
import io
import subprocess
from pathlib import Path

import pytest
from bench.processes import ROOT
from bench.rows import MeasurementError
from bench.sources import EDITED, copy_source, edit, edited


def changed(before: str, after: str) -> list[str]:
    """Return the lines that were removed or added."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line.startswith(("- ", "+ "))]


def test_a_copy_has_what_a_stage_needs_and_nothing_of_the_pipeline(tmp_path: Path) -> None:
    """Every file of code, tests and data is copied, and what else a stage needs; the pipeline is not."""
    source = copy_source(tmp_path / "source")
    listing = subprocess.run(["git", "ls-files", "src", "tests", "data"], cwd=ROOT, capture_output=True, check=True)
    tracked = listing.stdout.decode().split()
    assert [name for name in tracked if not (source / name).is_file()] == []
    copied = {path.name for path in source.iterdir()}
    assert {"Dockerfile", ".dockerignore", "pytest.ini", "setup.cfg", "requirements", "requirements.dev"} <= copied
    assert copied.isdisjoint({"ci", "bench", "docs", "examples", ".git", ".venv", "dagger.json"})


@pytest.mark.parametrize("kind", EDITED)
def test_an_edit_changes_one_line(tmp_path: Path, kind: str) -> None:
    """An edit replaces one line of one file, each time by another one, and no longer than the linters allow."""
    path = tmp_path / EDITED[kind]
    path.parent.mkdir(parents=True, exist_ok=True)
    original, texts = (ROOT / EDITED[kind]).read_text(), set()
    for _ in range(2):
        edit(tmp_path, kind)
        texts.add(path.read_text())
        removed, added = changed(original, path.read_text())
        assert removed.startswith("- ")
        assert added.startswith("+ ")
        assert len(added) < 110
    assert len(texts) == 2


def test_an_edited_module_still_has_its_docstring() -> None:
    """The word is added to the docstring, before its full stop."""
    assert edited('"""The metrics."""\n\nimport x\n', ".py", "1a2b") == '"""The metrics (1a2b)."""\n\nimport x\n'


def test_an_edited_ticket_keeps_its_topic() -> None:
    """The word is added to the text of the first ticket, whether it is in quotes or not."""
    text = edited('Document,Topic_group\n"locked out, again",Access\nother,Hardware\n', ".csv", "1a2b")
    assert list(csv.reader(io.StringIO(text)))[1] == ["locked 1a2b out, again", "Access"]
    text = edited("Document,Topic_group\nlocked out,Access\nother,Hardware\n", ".csv", "1a2b")
    assert list(csv.reader(io.StringIO(text)))[1] == ["locked 1a2b out", "Access"]


def test_edited_requirements_have_the_same_packages() -> None:
    """The word is added to the comment in the first line."""
    assert edited("# Every package, pinned.\nx==1\n", "", "1a2b") == "# Every package, pinned (1a2b).\nx==1\n"


@pytest.mark.parametrize(("text", "suffix"), [('"""Two\nlines."""\n', ".py"), ("x==1\n", ""), ("import x\n", ".py")])
def test_an_unexpected_first_line_is_an_error(text: str, suffix: str) -> None:
    """A line that the edit does not understand is not left unchanged in silence."""
    with pytest.raises(MeasurementError, match="invalid first line"):
        edited(text, suffix, "1a2b")
