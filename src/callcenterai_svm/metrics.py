"""The metrics of a training run, written to ``metrics.json``."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

METRICS_FILE: Final = "metrics.json"


@dataclass(frozen=True)
class TrainingMetrics:
    """Cross-validated quality of a model, and what the model was trained with.

    The quality metrics cover the predictions of all folds together: each ticket is
    predicted once, by a model that was not trained on it.

    Attributes:
        model_version: Version of the model that these metrics describe.
        model_bytes: Size of the model file.
        data_sha256: SHA-256 of the CSV file the model was trained on.
        text_column: Column of that file with the texts.
        topic_column: Column of that file with the topics.
        seed: Seed of the folds and of the SVM.
        folds: Number of folds, in the outer and in each inner cross-validation.
        tickets: Number of tickets of each topic, duplicates left out.
        repeated: Number of duplicate tickets left out.
        disputed: Number of texts with more than one topic.
        c: C of the model, chosen on all tickets.
        c_grid: The candidate values of C.
        c_of_folds: C of each fold, chosen on its training tickets.
        accuracy: Share of tickets predicted correctly.
        macro_f1: Mean of the topics' F1.
        ece: Expected calibration error of the predicted topic's probability.
        per_topic: Topic, precision, recall, F1 and support of each topic.
        confusion: Tickets by true topic (row) and predicted topic (column), both in
            the order of ``per_topic``.
        reliability: The bins behind ``ece``, from low to high confidence.
        libraries: Versions of Python and of the libraries that computed the model.
    """

    model_version: str
    model_bytes: int
    data_sha256: str
    text_column: str
    topic_column: str
    seed: int
    folds: int
    tickets: dict[str, int]
    repeated: int
    disputed: int
    c: float
    c_grid: list[float]
    c_of_folds: list[float]
    accuracy: float
    macro_f1: float
    ece: float
    per_topic: list[dict[str, Any]]
    confusion: list[list[int]]
    reliability: list[dict[str, Any]]
    libraries: dict[str, str]

    @property
    def total(self) -> int:
        """Number of tickets, duplicates left out."""
        return sum(self.tickets.values())

    def to_json(self) -> str:
        """Returns the metrics as indented JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"
