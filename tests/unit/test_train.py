"""The training command: what it leaves behind, what it says, when it refuses."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Trained
from sklearn.feature_extraction.text import TfidfVectorizer

from callcenterai_svm import model
from callcenterai_svm.dataset import FEWEST, read_tickets
from callcenterai_svm.train import cross_validate, main


@pytest.fixture(scope="session")
def few_csv(tickets_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As few tickets of each topic as can be trained on."""
    with tickets_csv.open(newline="") as lines:
        header, *rows = csv.reader(lines)
    path = tmp_path_factory.mktemp("few") / "few.csv"
    with path.open("w", newline="") as lines:
        few = (row for first in range(0, 400, 50) for row in rows[first:][:FEWEST])
        csv.writer(lines).writerows([header, *few])
    return path


def test_quality_is_well_above_chance(trained: Trained) -> None:
    """One in eight would be chance."""
    assert trained.metrics.accuracy > 0.75
    assert trained.metrics.macro_f1 > 0.75


def test_folder_holds_the_model_and_its_metrics_and_nothing_else(
    trained: Trained,
) -> None:
    """The metrics name the model they belong to."""
    names = sorted(path.name for path in trained.folder.iterdir())
    assert names == ["metrics.json", "model.skops"]
    version = model.load(trained.folder / "model.skops").version
    assert trained.metrics.model_version == version


def test_metrics_name_the_tickets(trained: Trained, tickets_csv: Path) -> None:
    """By the digest of their file."""
    digest = hashlib.sha256(tickets_csv.read_bytes()).hexdigest()
    assert trained.metrics.data_sha256 == digest


def test_no_vectoriser_of_the_validation_sees_every_ticket(
    few_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is fitted on what its fold may know."""
    seen: list[int] = []
    fit_transform = TfidfVectorizer.fit_transform

    def spy(self: TfidfVectorizer, texts: Sequence[str], y: Any = None) -> Any:
        seen.append(len(texts))
        return fit_transform(self, texts, y)

    monkeypatch.setattr(TfidfVectorizer, "fit_transform", spy)
    tickets = read_tickets(few_csv)
    cross_validate(tickets, seed=0)
    assert 0 < max(seen) < len(tickets.texts)


def test_command_says_version_and_quality(trained: Trained) -> None:
    """In one line."""
    metrics = trained.metrics
    assert trained.said == (
        f"model {metrics.model_version}: 400 tickets, 8 topics, "
        "cross-validated on 5 folds: "
        f"accuracy {metrics.accuracy:.4f}, macro-F1 {metrics.macro_f1:.4f}\n"
    )


def test_refused_training_leaves_the_earlier_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, one line, and the folder as it was."""
    earlier = tmp_path / "model" / "model.skops"
    earlier.parent.mkdir()
    earlier.write_text("earlier")
    Path("bad.csv").write_text("text,label\n")
    assert main(["--data", "bad.csv", "--output", "model"]) == 1
    _, err = capsys.readouterr()
    expected = "no column 'Document'; the columns are: text, label"
    assert err == f"train: bad.csv: {expected}\n"
    assert list(earlier.parent.iterdir()) == [earlier]
    assert earlier.read_text() == "earlier"


def test_unwritable_output_is_refused_in_one_line(
    few_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file where the folder should be, for one."""
    Path("model").write_text("a file")
    assert main(["--data", str(few_csv), "--output", "model"]) == 1
    _, err = capsys.readouterr()
    assert "model" in err
    assert err.count("\n") == 1
