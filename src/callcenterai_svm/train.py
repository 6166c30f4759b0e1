"""Trains the model: ``python -m callcenterai_svm.train --data tickets.csv --output model/``."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Final

from . import MODEL_FILE
from .card import CARD_FILE, render_card
from .dataset import FOLDS, TEXT_COLUMN, TOPIC_COLUMN, Tickets, read_tickets
from .errors import CallcenterError
from .export import export_arrays
from .fitting import TrainingResult, fit_and_evaluate
from .metrics import METRICS_FILE, TrainingMetrics
from .model import save
from .report import REPORT_FILE, render_report
from .selection import GRID

LIBRARIES: Final = ("numpy", "scipy", "scikit-learn")
"""Libraries that determine the model's numbers, besides Python's Unicode tables."""

EXIT_INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as in shells: 128 plus the number of SIGINT."""

CHARACTERS_PER_SECOND: Final = 25_000
"""Training speed on two cores, for the estimate printed at the start."""


@dataclass(frozen=True)
class TrainingConfig:
    """Input and output of a training run.

    Attributes:
        data: CSV file with the tickets.
        output: Folder of the model, created if missing.
        text_column: Column with the texts.
        topic_column: Column with the topics.
        seed: Seed of the folds and of the SVM.
    """

    data: Path
    output: Path
    text_column: str = TEXT_COLUMN
    topic_column: str = TOPIC_COLUMN
    seed: int = 0


def train(config: TrainingConfig) -> TrainingMetrics:
    """Trains a model and writes it to a folder, with its metrics, card and report.

    Raises:
        DatasetError: If the tickets cannot be used for training.
        OSError: If the folder cannot be written; an earlier model in it stays intact.
    """
    tickets = read_tickets(config.data, config.text_column, config.topic_column)
    _log(_describe(tickets))
    # Created before training, so that an unwritable folder fails at once.
    config.output.mkdir(parents=True, exist_ok=True)
    # In the same folder: a rename is atomic only within one file system.
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=config.output) as folder:
        staged = Path(folder)
        result = fit_and_evaluate(tickets, config.seed, _log)
        model_version = save(export_arrays(result.classifier), staged / MODEL_FILE)
        size = (staged / MODEL_FILE).stat().st_size
        metrics = _metrics(config, tickets, result, model_version, size)
        documents = {
            METRICS_FILE: metrics.to_json(),
            CARD_FILE: render_card(metrics),
            REPORT_FILE: render_report(metrics),
        }
        for name, text in documents.items():
            (staged / name).write_text(text, encoding="utf-8")
        # The model comes last, so that a folder with a new model has its documents too.
        for name in (*documents, MODEL_FILE):
            (staged / name).replace(config.output / name)
    return metrics


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0, or another status after a one-line error."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.experiment or options.registered_model) and not options.tracking_uri:
        parser.error("--experiment and --registered-model require --tracking-uri")
    names = ("data", "output", "text_column", "topic_column", "seed")
    try:
        metrics = train(TrainingConfig(*(getattr(options, name) for name in names)))
        print(_summary(metrics))
        if options.tracking_uri:
            _log_to_mlflow(options, metrics)
    except (CallcenterError, OSError) as error:
        _log(str(error))
        return 1
    except KeyboardInterrupt:
        _log("interrupted")
        return EXIT_INTERRUPTED
    return 0


def _log_to_mlflow(options: argparse.Namespace, metrics: TrainingMetrics) -> None:
    # The model is already in its folder, so a server that is down does not lose it.
    from .tracking import log_to_mlflow

    _log(f"logging to MLflow at {options.tracking_uri}")
    names = ("output", "tracking_uri", "experiment", "registered_model")
    folder, uri, experiment, name = (getattr(options, each) for each in names)
    print(log_to_mlflow(folder, metrics, uri, experiment, name))


def _metrics(
    config: TrainingConfig,
    tickets: Tickets,
    result: TrainingResult,
    model_version: str,
    size: int,
) -> TrainingMetrics:
    return TrainingMetrics(
        model_version=model_version,
        model_bytes=size,
        data_sha256=tickets.digest,
        text_column=config.text_column,
        topic_column=config.topic_column,
        seed=config.seed,
        folds=FOLDS,
        tickets=tickets.per_topic,
        repeated=tickets.repeated,
        disputed=tickets.disputed,
        c=result.choice.c,
        c_grid=list(GRID),
        c_of_folds=[choice.c for choice in result.fold_choices],
        libraries={
            "Python": python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
        **asdict(result.evaluation),
    )


def _describe(tickets: Tickets) -> str:
    seconds = 5 + sum(map(len, tickets.texts)) / CHARACTERS_PER_SECOND
    return (
        f"{len(tickets.texts)} tickets, {len(tickets.per_topic)} topics, "
        f"{tickets.repeated} duplicates left out; "
        f"training takes about {seconds:.0f} s on two cores"
    )


def _summary(metrics: TrainingMetrics) -> str:
    return (
        f"model {metrics.model_version}: {metrics.total} tickets, "
        f"{len(metrics.tickets)} topics, cross-validated on {metrics.folds} folds: "
        f"accuracy {metrics.accuracy:.4f}, macro-F1 {metrics.macro_f1:.4f}, "
        f"calibration error {metrics.ece:.4f}"
    )


def _log(text: str) -> None:
    print(f"train: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m callcenterai_svm.train",
        description="Trains the topic model and prints its cross-validated quality.",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="UTF-8 CSV file with a header")
    add(
        "--output",
        type=Path,
        required=True,
        help="folder for the model and its documents, created if missing",
    )
    add(
        "--text-column",
        default=TEXT_COLUMN,
        help="column with the texts (default: %(default)s)",
    )
    add(
        "--topic-column",
        default=TOPIC_COLUMN,
        help="column with the topics (default: %(default)s)",
    )
    add("--seed", type=_seed, default=0, help="seed of folds and SVM (default: 0)")
    add("--tracking-uri", help="MLflow server to log to (default: do not log)")
    add(
        "--experiment",
        help="MLflow experiment (default: EXPERIMENT_NAME, then the model's name)",
    )
    add(
        "--registered-model",
        metavar="NAME",
        help="registered model that gets a new version (default: do not register)",
    )
    return parser


def _seed(text: str) -> int:
    """Parses a seed within the range that numpy accepts."""
    seed = int(text)
    if not 0 <= seed < 2**31:
        raise argparse.ArgumentTypeError("expected a number from 0 to 2147483647")
    return seed


if __name__ == "__main__":
    sys.exit(main())
