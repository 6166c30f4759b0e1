"""What a training says about its model: written for programs as ``metrics.json``."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

METRICS_FILE: Final = "metrics.json"


@dataclass(frozen=True)
class Metrics:
    """Figures of the cross-validation, and what the model was made from.

    Every figure is over the predictions of all folds together, each ticket predicted
    once, by a model that has not seen it.

    Attributes:
        model_version: Version of the model these figures belong to.
        model_bytes: Size of its file.
        data_sha256: Digest of the CSV file the model was trained on.
        text_column: Column of that file with the texts.
        topic_column: Column with the topics.
        seed: Seed of the folds and of the SVM.
        folds: Folds of the cross-validation, and of the one inside each.
        tickets: Different tickets, by topic.
        repeated: Tickets left out because they repeat another.
        disputed: Texts that have more than one topic.
        c: C of the model, chosen on all tickets.
        c_grid: What it was chosen from.
        c_of_folds: C of each fold, chosen on its training tickets.
        accuracy: Share of tickets with the right topic.
        macro_f1: Mean of the topics' F1.
        ece: Expected calibration error of the predicted topic's probability.
        per_topic: Topic, precision, recall, F1 and support of each topic.
        confusion: Tickets by true topic (row) and predicted topic (column), both in
            the order of ``per_topic``.
        reliability: The bins behind ``ece``, from low to high confidence.
        libraries: Versions of what computed it.
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
        """All different tickets."""
        return sum(self.tickets.values())

    def to_json(self) -> str:
        """Returns the fields, one a line or more."""
        return json.dumps(asdict(self), indent=2) + "\n"
