"""Counts n-grams once for all folds.

How often an n-gram stands in a ticket depends on that ticket alone, so counting before
splitting tells no fold anything about another. What does depend on the other tickets
(which n-grams are kept, and what each is worth) is taken from a fold's own training
tickets. The matrices are those of the pipeline fitted inside the fold, to the last bit,
at a tenth of the time: a test compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from .errors import DatasetError
from .pipeline import MIN_TICKETS, PARTS
from .svm import rows_with
from .topics import clean

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Counts:
    """One matrix for each part of the pipeline: a row a ticket, a column an n-gram."""

    parts: tuple[Any, ...]

    def features(self, train: Rows, test: Rows) -> tuple[Any, Any]:
        """Returns what the pipeline, fitted on some rows, makes of them and of others.

        Raises:
            DatasetError: If nothing would be known of a part.
        """
        pairs = [
            _weighted(name, part, train, test)
            for name, part in zip(PARTS, self.parts, strict=True)
        ]
        train_parts, test_parts = zip(*pairs, strict=True)
        return sparse.hstack(train_parts, "csr"), sparse.hstack(test_parts, "csr")


def count(texts: Sequence[str]) -> Counts:
    """Counts every n-gram of every part."""
    return Counts(tuple(_counted(texts, part) for part in PARTS.values()))


def _counted(texts: Sequence[str], part: dict[str, Any]) -> Any:
    counter = CountVectorizer(preprocessor=clean, dtype=np.int32, **part)
    counts = counter.fit_transform(texts)
    # No fold keeps what is too rare in all tickets together.
    return counts[:, rows_with(counts) >= MIN_TICKETS]


def _weighted(name: str, counts: Any, train: Rows, test: Rows) -> tuple[Any, Any]:
    known = counts[train]
    kept = np.flatnonzero(rows_with(known) >= MIN_TICKETS)
    if not len(kept):
        problem = f"no {name} stand in {MIN_TICKETS} of those that a fold may know"
        raise DatasetError(f"too few tickets: {problem}")
    weights = TfidfTransformer(sublinear_tf=True).fit(known[:, kept])
    return weights.transform(known[:, kept]), weights.transform(counts[test][:, kept])
