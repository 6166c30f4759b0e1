"""The training command: its files, its output and its errors."""

import hashlib
import json
from pathlib import Path

import pytest
from conftest import Trained

from callcenterai_svm import fitting, model, selection, tracking
from callcenterai_svm.dataset import MIN_PER_TOPIC
from callcenterai_svm.errors import TrackingError
from callcenterai_svm.train import main

FILES = ["MODEL_CARD.md", "metrics.json", "model.safetensors", "report.html"]


@pytest.fixture
def few_csv(minimal_csv: Path, tmp_path: Path) -> Path:
    """The tickets of three topics, the fewest for which each topic has an SVM."""
    path = tmp_path / "few.csv"
    lines = minimal_csv.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: 1 + 3 * MIN_PER_TOPIC]))
    return path


def test_quality_is_well_above_chance(trained: Trained) -> None:
    """Accuracy and macro-F1 are far above the 1/8 of chance, at low calibration error."""
    assert trained.metrics.accuracy > 0.75
    assert trained.metrics.macro_f1 > 0.75
    assert trained.metrics.ece < 0.1


def test_folder_contains_the_model_and_its_documents(trained: Trained) -> None:
    """The folder has exactly four files, and the metrics identify the model."""
    assert sorted(path.name for path in trained.folder.iterdir()) == FILES
    file = trained.folder / "model.safetensors"
    assert trained.metrics.model_version == model.load(file).version
    assert trained.metrics.model_bytes == file.stat().st_size


def test_metrics_identify_the_tickets(trained: Trained, tickets_csv: Path) -> None:
    """The metrics contain the SHA-256 of the CSV file."""
    digest = hashlib.sha256(tickets_csv.read_bytes()).hexdigest()
    assert trained.metrics.data_sha256 == digest


def test_metrics_contain_every_chosen_c(trained: Trained) -> None:
    """The metrics contain the C of the model and of each fold, all from the grid."""
    chosen = [trained.metrics.c, *trained.metrics.c_of_folds]
    assert len(chosen) == 6
    assert set(chosen) <= set(trained.metrics.c_grid)


def test_metrics_are_consistent(trained: Trained) -> None:
    """Every ticket is in one cell of the confusion matrix and in one bin."""
    metrics = trained.metrics
    rows = dict(zip(metrics.tickets, metrics.confusion, strict=True))
    assert {topic: sum(row) for topic, row in rows.items()} == metrics.tickets
    assert sum(each["count"] for each in metrics.reliability) == metrics.total
    correct = sum(row[topic] for topic, row in enumerate(metrics.confusion))
    assert metrics.accuracy == pytest.approx(correct / metrics.total, abs=1e-4)


def test_command_prints_version_and_quality(trained: Trained) -> None:
    """The command prints one line with the model's version and quality."""
    metrics = trained.metrics
    assert trained.output == (
        f"model {metrics.model_version}: 400 tickets, 8 topics, "
        "cross-validated on 5 folds: "
        f"accuracy {metrics.accuracy:.4f}, macro-F1 {metrics.macro_f1:.4f}, "
        f"calibration error {metrics.ece:.4f}\n"
    )


def test_same_tickets_give_the_same_bytes(
    few_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every file has the same bytes, for any path and any number of processes."""
    copy = Path("copy.csv")
    copy.write_bytes(few_csv.read_bytes())
    for workers, data in enumerate((few_csv, copy), 1):
        monkeypatch.setattr(selection, "WORKERS", workers)
        monkeypatch.setattr(fitting, "WORKERS", workers)
        assert main(["--data", str(data), "--output", f"{workers}"]) == 0
    for name in FILES:
        assert Path("1", name).read_bytes() == Path("2", name).read_bytes()
    out, err = capsys.readouterr()
    assert out.count("\n") == 2
    assert "train: fitting the model with C" in err


def test_two_topics_are_enough() -> None:
    """A model of two topics can be trained, loaded and used."""
    words = ("disk", "share", "folder", "backup", "archive", "mailbox", "quota")
    rows = [
        f"my {word} is full,Storage\nno key to my {word},Access\n" for word in words
    ]
    Path("two.csv").write_text("text,label\n" + "".join(rows))
    columns = ["--text-column", "text", "--topic-column", "label"]
    assert main(["--data", "two.csv", "--output", "model", *columns]) == 0
    loaded = model.load(Path("model/model.safetensors"))
    assert loaded.predict(["full", "key"]) == ["Storage", "Access"]


def test_tickets_without_a_common_word_are_rejected(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Training fails if no word occurs in two tickets, and leaves no file behind."""
    words = [letter * 5 for letter in "abcdefghijklmn"]
    topics = ["Access", "Storage"] * 7
    rows = map("{},{}\n".format, words, topics)
    Path("odd.csv").write_text("Document,Topic_group\n" + "".join(rows))
    assert main(["--data", "odd.csv", "--output", "model"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("train: too few tickets: no words occur in 2")
    assert list(Path("model").iterdir()) == []


def test_failed_training_keeps_the_earlier_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad file gives exit status 1 and one line, and leaves the folder unchanged."""
    earlier = tmp_path / "model" / "model.safetensors"
    earlier.parent.mkdir()
    earlier.write_text("earlier")
    Path("bad.csv").write_text("text,label\n")
    assert main(["--data", "bad.csv", "--output", "model"]) == 1
    out, err = capsys.readouterr()
    expected = "no column 'Document'; the columns are: text, label"
    assert (out, err) == ("", f"train: bad.csv: {expected}\n")
    assert list(earlier.parent.iterdir()) == [earlier]
    assert earlier.read_text() == "earlier"


def test_failed_training_creates_no_folder() -> None:
    """No folder is created before the tickets are read."""
    assert main(["--data", "none.csv", "--output", "model"]) == 1
    assert not Path("model").exists()


def test_unwritable_output_fails_before_training(
    minimal_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file in place of the output folder fails before any training step."""
    Path("model").write_text("a file")
    assert main(["--data", str(minimal_csv), "--output", "model"]) == 1
    *progress, last = capsys.readouterr().err.splitlines()
    assert "model" in last
    assert len(progress) == 1


def test_unreachable_server_does_not_lose_the_model(
    few_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If logging to MLflow fails, the status is 1 and the model is in its folder."""

    def fail(*arguments: object) -> None:
        raise TrackingError(f"{arguments[2:]}: no response")

    monkeypatch.setattr(tracking, "log_to_mlflow", fail)
    options = ["--tracking-uri=http://x", "--experiment=e", "--registered-model=svm"]
    assert main(["--data", str(few_csv), "--output", "model", *options]) == 1
    assert sorted(path.name for path in Path("model").iterdir()) == FILES
    out, err = capsys.readouterr()
    assert out.startswith("model ")
    assert err.endswith("train: ('http://x', 'e', 'svm'): no response\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--registered-model", "svm"],
        ["--experiment", "e"],
        ["--seed", "-1"],
        ["--seed", "x"],
        ["--seed", "4294967296"],
    ],
)
def test_invalid_arguments_are_rejected(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Invalid options give status 2 and a message that names them."""
    with pytest.raises(SystemExit) as exited:
        main(["--data", "none.csv", "--output", "model", *arguments])
    assert exited.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_metrics_are_strict_json(trained: Trained) -> None:
    """The metrics are JSON without the non-standard constants NaN and Infinity."""

    def reject(constant: str) -> None:
        raise AssertionError(constant)

    text = (trained.folder / "metrics.json").read_text()
    assert json.loads(text, parse_constant=reject)["seed"] == 0
