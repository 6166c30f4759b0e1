"""Trains the model: ``python -m callcenterai_svm.train --data tickets.csv --output model/``."""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from . import MODEL_FILE, model
from .dataset import FOLDS, Tickets, read_tickets
from .errors import CallcenterError

METRICS_FILE: Final = "metrics.json"


@dataclass(frozen=True)
class Metrics:
    """What a training says about its model; rounded to four digits.

    Attributes:
        model_version: Version of the model these figures belong to.
        data_sha256: Digest of the CSV file the model was trained on.
        seed: Seed of the folds and of the SVM.
        folds: Folds of the cross-validation.
        tickets: Different tickets, by topic.
        accuracy: Cross-validated share of tickets with the right topic.
        macro_f1: Cross-validated mean of the topics' F1.
    """

    model_version: str
    data_sha256: str
    seed: int
    folds: int
    tickets: dict[str, int]
    accuracy: float
    macro_f1: float


def classifier(seed: int) -> CalibratedClassifierCV:
    """Returns an unfitted TF-IDF and linear SVM with calibrated probabilities.

    The vectoriser is part of what each fold fits, so a fold's vocabulary and weights
    never come from the tickets it is tested on. ``ensemble=False`` calibrates on these
    out-of-fold scores and keeps one model, fitted on everything, instead of one a fold.
    """
    vectoriser = TfidfVectorizer(
        lowercase=False, stop_words="english", sublinear_tf=True
    )
    pipeline = Pipeline([("tfidf", vectoriser), ("svm", LinearSVC(random_state=seed))])
    return CalibratedClassifierCV(pipeline, cv=_folds(seed), ensemble=False)


def fit(tickets: Tickets, seed: int) -> CalibratedClassifierCV:
    """Returns the classifier, fitted on all tickets."""
    fitted = classifier(seed).fit(tickets.texts, tickets.topics)
    for calibrated in fitted.calibrated_classifiers_:
        # An address in memory, kept to warn but once. It would make every file unique.
        vars(calibrated.estimator["tfidf"]).pop("_stop_words_id", None)
    return fitted


def cross_validate(tickets: Tickets, seed: int) -> tuple[float, float]:
    """Returns accuracy and macro-F1 of predictions on tickets held out of training."""
    predicted = cross_val_predict(
        classifier(seed), tickets.texts, tickets.topics, cv=_folds(seed)
    )
    accuracy = float(accuracy_score(tickets.topics, predicted))
    macro_f1 = float(f1_score(tickets.topics, predicted, average="macro"))
    return round(accuracy, 4), round(macro_f1, 4)


def train(data: Path, output: Path, seed: int) -> Metrics:
    """Trains on a CSV file and leaves ``model.skops`` and ``metrics.json`` in a folder.

    Raises:
        DatasetError: If the tickets cannot be trained on.
        OSError: If the folder cannot be written; what it held is then as before.
    """
    tickets = read_tickets(data)
    # Before the training: whoever mistyped the folder need not wait for it.
    output.mkdir(parents=True, exist_ok=True)
    accuracy, macro_f1 = cross_validate(tickets, seed)
    fitted = fit(tickets, seed)
    # Inside the folder: a rename is atomic on one file system only.
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=output) as folder:
        staged = Path(folder)
        metrics = Metrics(
            model_version=model.save(fitted, staged / MODEL_FILE),
            data_sha256=hashlib.sha256(data.read_bytes()).hexdigest(),
            seed=seed,
            folds=FOLDS,
            tickets=tickets.per_topic,
            accuracy=accuracy,
            macro_f1=macro_f1,
        )
        text = json.dumps(asdict(metrics), indent=2) + "\n"
        (staged / METRICS_FILE).write_text(text, encoding="utf-8")
        # The model comes last: whoever finds it finds all of it.
        for name in (METRICS_FILE, MODEL_FILE):
            (staged / name).replace(output / name)
    return metrics


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0, or 1 after one line that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        metrics = train(options.data, options.output, options.seed)
    except (CallcenterError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    print(
        f"model {metrics.model_version}: {sum(metrics.tickets.values())} tickets, "
        f"{len(metrics.tickets)} topics, cross-validated on {metrics.folds} folds: "
        f"accuracy {metrics.accuracy:.4f}, macro-F1 {metrics.macro_f1:.4f}"
    )
    return 0


def _folds(seed: int) -> StratifiedKFold:
    return StratifiedKFold(FOLDS, shuffle=True, random_state=seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m callcenterai_svm.train",
        description="Trains the topic model and reports its cross-validated quality.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="UTF-8 CSV file with the columns Document and Topic_group",
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        help=f"folder for {MODEL_FILE} and {METRICS_FILE}, made if missing",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of folds and SVM (default: 0)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
