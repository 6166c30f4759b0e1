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
from .card import CARD_FILE, card
from .dataset import FOLDS, TEXT_COLUMN, TOPIC_COLUMN, Tickets, read_tickets
from .errors import CallcenterError
from .export import exported
from .metrics import METRICS_FILE, Metrics
from .model import save
from .report import REPORT_FILE, report
from .selection import GRID
from .training import Learned, learn

LIBRARIES: Final = ("numpy", "scipy", "scikit-learn")
"""What the model's numbers come from, beside Python's own idea of letters."""

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as shells give it: 128 and the number of the signal."""

RATE: Final = 25_000
"""Characters of tickets that two cores learn in a second, for a word about the time."""


@dataclass(frozen=True)
class Order:
    """What to train on and where to leave it.

    Attributes:
        data: CSV file of tickets.
        output: Folder of the model, made if missing.
        text_column: Column of the texts.
        topic_column: Column of the topics.
        seed: Seed of the folds and of the SVM.
    """

    data: Path
    output: Path
    text_column: str = TEXT_COLUMN
    topic_column: str = TOPIC_COLUMN
    seed: int = 0


def train(order: Order) -> Metrics:
    """Trains, and leaves the model, its metrics, its card and its report in a folder.

    Raises:
        DatasetError: If the tickets cannot be trained on.
        OSError: If the folder cannot be written; what it held is then as before.
    """
    tickets = read_tickets(order.data, order.text_column, order.topic_column)
    _progress(_about(tickets))
    # Before the work: whoever mistyped the folder need not wait for it. And inside the
    # folder: a rename is atomic on one file system only.
    order.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=order.output) as folder:
        staged = Path(folder)
        learned = learn(tickets, order.seed, _progress)
        model_version = save(exported(learned.classifier), staged / MODEL_FILE)
        size = (staged / MODEL_FILE).stat().st_size
        metrics = _metrics(order, tickets, learned, model_version, size)
        documents = {
            METRICS_FILE: metrics.to_json(),
            CARD_FILE: card(metrics),
            REPORT_FILE: report(metrics),
        }
        for name, text in documents.items():
            (staged / name).write_text(text, encoding="utf-8")
        # The model comes last: whoever finds it finds all of it.
        for name in (*documents, MODEL_FILE):
            (staged / name).replace(order.output / name)
    return metrics


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0, or not after one line that says why."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.experiment or options.register) and not options.tracking_uri:
        parser.error("--experiment and --register need --tracking-uri")
    names = ("data", "output", "text_column", "topic_column", "seed")
    try:
        metrics = train(Order(*(getattr(options, name) for name in names)))
        print(_summary(metrics))
        if options.tracking_uri:
            _log(options, metrics)
    except (CallcenterError, OSError) as error:
        _progress(str(error))
        return 1
    except KeyboardInterrupt:
        _progress("interrupted")
        return INTERRUPTED
    return 0


def _log(options: argparse.Namespace, metrics: Metrics) -> None:
    # The model is in its folder by now, so a server that is down costs no training.
    from .tracking import log_to_mlflow

    _progress(f"logging to MLflow at {options.tracking_uri}")
    names = ("output", "tracking_uri", "experiment", "register")
    folder, uri, experiment, name = (getattr(options, each) for each in names)
    print(log_to_mlflow(folder, metrics, uri, experiment, name))


def _metrics(
    order: Order, tickets: Tickets, learned: Learned, model_version: str, size: int
) -> Metrics:
    return Metrics(
        model_version=model_version,
        model_bytes=size,
        data_sha256=tickets.digest,
        text_column=order.text_column,
        topic_column=order.topic_column,
        seed=order.seed,
        folds=FOLDS,
        tickets=tickets.per_topic,
        repeated=tickets.repeated,
        disputed=tickets.disputed,
        c=learned.choice.c,
        c_grid=list(GRID),
        c_of_folds=[choice.c for choice in learned.of_folds],
        libraries={
            "Python": python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
        **asdict(learned.evaluation),
    )


def _about(tickets: Tickets) -> str:
    seconds = 5 + sum(map(len, tickets.texts)) / RATE
    return (
        f"{len(tickets.texts)} tickets, {len(tickets.per_topic)} topics, "
        f"{tickets.repeated} repetitions left out; about {seconds:.0f} s on two cores"
    )


def _summary(metrics: Metrics) -> str:
    return (
        f"model {metrics.model_version}: {metrics.total} tickets, "
        f"{len(metrics.tickets)} topics, cross-validated on {metrics.folds} folds: "
        f"accuracy {metrics.accuracy:.4f}, macro-F1 {metrics.macro_f1:.4f}, "
        f"calibration error {metrics.ece:.4f}"
    )


def _progress(text: str) -> None:
    print(f"train: {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m callcenterai_svm.train",
        description="Trains the topic model and reports its cross-validated quality.",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="UTF-8 CSV file with a header")
    add(
        "--output",
        type=Path,
        required=True,
        help="folder for the model and what is said about it, made if missing",
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
    add("--seed", type=_seed, default=0, help="of folds and SVM (default: 0)")
    add("--tracking-uri", help="MLflow server to log to (default: log nowhere)")
    add("--experiment", help="MLflow experiment (default: the tracking's own)")
    add("--register", metavar="NAME", help="registered model for a new version")
    return parser


def _seed(text: str) -> int:
    """What numpy takes for a seed."""
    seed = int(text)
    if not 0 <= seed < 2**31:
        raise argparse.ArgumentTypeError("give a number from 0 to 2147483647")
    return seed


if __name__ == "__main__":
    sys.exit(main())
