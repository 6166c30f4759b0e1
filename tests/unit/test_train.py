"""The training command: what it leaves behind, what it says, when it refuses."""

import hashlib
import json
from pathlib import Path

import pytest
from conftest import Trained

from callcenterai_svm import model, selection, tracking, training
from callcenterai_svm.errors import TrackingError
from callcenterai_svm.train import main

FILES = ["MODEL_CARD.md", "metrics.json", "model.safetensors", "report.html"]


def test_quality_is_well_above_chance(trained: Trained) -> None:
    """One in eight would be chance."""
    assert trained.metrics.accuracy > 0.75
    assert trained.metrics.macro_f1 > 0.75
    assert trained.metrics.ece < 0.1


def test_folder_holds_the_model_and_what_is_said_about_it(trained: Trained) -> None:
    """And nothing else; the metrics name the model they belong to."""
    assert sorted(path.name for path in trained.folder.iterdir()) == FILES
    file = trained.folder / "model.safetensors"
    assert trained.metrics.model_version == model.load(file).version
    assert trained.metrics.model_bytes == file.stat().st_size


def test_metrics_name_the_tickets(trained: Trained, tickets_csv: Path) -> None:
    """By the digest of their file."""
    digest = hashlib.sha256(tickets_csv.read_bytes()).hexdigest()
    assert trained.metrics.data_sha256 == digest


def test_metrics_tell_of_each_choice(trained: Trained) -> None:
    """One for the model and one for each fold, out of the same values."""
    chosen = [trained.metrics.c, *trained.metrics.c_of_folds]
    assert len(chosen) == 6
    assert set(chosen) <= set(trained.metrics.c_grid)


def test_figures_agree_with_each_other(trained: Trained) -> None:
    """Every ticket is in one cell of the confusion matrix and in one bin."""
    metrics = trained.metrics
    rows = dict(zip(metrics.tickets, metrics.confusion, strict=True))
    assert {topic: sum(row) for topic, row in rows.items()} == metrics.tickets
    assert sum(each["count"] for each in metrics.reliability) == metrics.total
    right = sum(row[at] for at, row in enumerate(metrics.confusion))
    assert metrics.accuracy == pytest.approx(right / metrics.total, abs=1e-4)


def test_command_says_version_and_quality(trained: Trained) -> None:
    """In one line."""
    metrics = trained.metrics
    assert trained.said == (
        f"model {metrics.model_version}: 400 tickets, 8 topics, "
        "cross-validated on 5 folds: "
        f"accuracy {metrics.accuracy:.4f}, macro-F1 {metrics.macro_f1:.4f}, "
        f"calibration error {metrics.ece:.4f}\n"
    )


def test_same_tickets_give_the_same_bytes(
    few_csv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In every file, wherever they are and however many processes work on them."""
    copy = Path("copy.csv")
    copy.write_bytes(few_csv.read_bytes())
    for workers, data in enumerate((few_csv, copy), 1):
        monkeypatch.setattr(selection, "WORKERS", workers)
        monkeypatch.setattr(training, "WORKERS", workers)
        assert main(["--data", str(data), "--output", f"{workers}"]) == 0
    for name in FILES:
        assert Path("1", name).read_bytes() == Path("2", name).read_bytes()
    out, err = capsys.readouterr()
    assert out.count("\n") == 2
    assert "train: fitting the model with C" in err


def test_two_topics_are_enough() -> None:
    """Between two there is one score; the other is its opposite."""
    words = ("disk", "share", "folder", "backup", "archive", "mailbox", "quota")
    rows = [
        f"my {word} is full,Storage\nno key to my {word},Access\n" for word in words
    ]
    Path("two.csv").write_text("text,label\n" + "".join(rows))
    columns = ["--text-column", "text", "--topic-column", "label"]
    assert main(["--data", "two.csv", "--output", "model", *columns]) == 0
    served = model.load(Path("model/model.safetensors"))
    assert served.predict(["full", "key"]) == ["Storage", "Access"]


def test_tickets_without_a_common_word_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There would be nothing to tell the next ticket by."""
    words = [letter * 5 for letter in "abcdefghijklmn"]
    topics = ["Access", "Storage"] * 7
    rows = map("{},{}\n".format, words, topics)
    Path("odd.csv").write_text("Document,Topic_group\n" + "".join(rows))
    assert main(["--data", "odd.csv", "--output", "model"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("train: too few tickets: no words stand in 2")
    assert list(Path("model").iterdir()) == []


def test_refused_training_leaves_the_earlier_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1, one line, and the folder as it was."""
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


def test_refused_training_makes_no_folder() -> None:
    """Nothing is written before the tickets are read."""
    assert main(["--data", "none.csv", "--output", "model"]) == 1
    assert not Path("model").exists()


def test_unwritable_output_is_refused_before_the_work(
    few_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file where the folder should be, for one."""
    Path("model").write_text("a file")
    assert main(["--data", str(few_csv), "--output", "model"]) == 1
    *progress, last = capsys.readouterr().err.splitlines()
    assert "model" in last
    assert len(progress) == 1


def test_server_that_is_down_costs_no_model(
    few_csv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 and one line more, with the model in its folder."""

    def down(*asked: object) -> None:
        raise TrackingError(f"{asked[2:]}: no answer")

    monkeypatch.setattr(tracking, "log_to_mlflow", down)
    to = ["--tracking-uri", "http://x", "--experiment", "e", "--register", "svm"]
    assert main(["--data", str(few_csv), "--output", "model", *to]) == 1
    assert sorted(path.name for path in Path("model").iterdir()) == FILES
    out, err = capsys.readouterr()
    assert out.startswith("model ")
    assert err.endswith("train: ('http://x', 'e', 'svm'): no answer\n")


@pytest.mark.parametrize(
    "wrong",
    [
        ["--register", "svm"],
        ["--experiment", "e"],
        ["--seed", "-1"],
        ["--seed", "x"],
        ["--seed", "4294967296"],
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As unknown ones are, and before anything is read."""
    with pytest.raises(SystemExit) as exit_:
        main(["--data", "none.csv", "--output", "model", *wrong])
    assert exit_.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_metrics_are_json_for_programs(trained: Trained) -> None:
    """Without what JSON does not know, such as not-a-number."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = (trained.folder / "metrics.json").read_text()
    assert json.loads(text, parse_constant=refuse)["seed"] == 0
