"""A linear SVM that is told which n-grams tell topics apart.

TF-IDF weighs an n-gram by how rare it is, whatever it says about topics. Here each topic
has an SVM of its own, over features that are made larger the more clearly the training
tickets show that the n-gram speaks for or against this topic: the SVM, which is to keep
its coefficients small, then uses it sooner. The idea is that of Wang and Manning, "Baselines and
Bigrams" (2012), with the log-odds ratio over its standard error for their plain ratio, so
that n-grams of few tickets are not believed too much. Folded into the coefficients, the
factors leave a model as linear as any SVM.
"""

from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import LinearSVC

Floats = NDArray[np.float64]

TOLD: Final = 0.3
"""Part of a factor that depends on what the n-gram tells. Inside the training parts of
the folds 0.3 and 0.5 find topics equally well (macro-F1 0.850; 0.837 without), and 0.3
gives the better probabilities."""

TOLERANCE: Final = 1e-2
"""Where the solver stops: a quarter sooner than at a tenth of it, with scores that differ
by 0.002 and not one other prediction among 761 real tickets."""


class TopicSVM(ClassifierMixin, BaseEstimator):
    """One SVM for each topic, in which that topic and all others weigh the same.

    Args:
        c: How much an error weighs against the size of the coefficients.
        seed: Seed of the order in which the solver takes the tickets.

    Attributes:
        classes_: The topics; of two topics only the second has an SVM.
        coef_: A row for each SVM, a column for each feature.
        intercept_: A number for each SVM.
    """

    def __init__(self, c: float = 1.0, seed: int = 0) -> None:
        self.c = c
        self.seed = seed

    def fit(self, features: Any, topics: Any) -> Self:
        """Returns itself, fitted on sparse rows and their topics."""
        topics = np.asarray(topics)
        self.classes_ = np.unique(topics)
        wanted = self.classes_ if len(self.classes_) > 2 else self.classes_[1:]
        rows = [self._coefficients(features, topics == topic) for topic in wanted]
        self.coef_ = np.stack([row for row, _ in rows])
        self.intercept_ = np.array([intercept for _, intercept in rows])
        return self

    def decision_function(self, features: Any) -> Floats:
        """Returns a score for each SVM, or one score if there is one SVM."""
        scores: Floats = features @ self.coef_.T + self.intercept_
        return scores.ravel() if len(self.classes_) == 2 else scores

    def predict(self, features: Any) -> Any:
        """Returns the topic of the highest score."""
        scores = self.decision_function(features)
        best = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[best.astype(np.intp)]

    def _coefficients(self, features: Any, has_topic: Any) -> tuple[Floats, float]:
        factors = evidence(features, has_topic)
        svm = LinearSVC(
            C=self.c, class_weight="balanced", random_state=self.seed, tol=TOLERANCE
        )
        svm.fit(_scaled(features, factors), has_topic)
        return svm.coef_[0] * factors, float(svm.intercept_[0])


def evidence(features: Any, has_topic: NDArray[np.bool_]) -> Floats:
    """Returns a factor for each feature, in part for all the same, in part by what it tells.

    The mean is 1, so C means the same as without.
    """
    inside, outside = features[has_topic], features[~has_topic]
    # One ticket more on either side, as nothing is impossible.
    holders, others = 1 + rows_with(inside), 1 + rows_with(outside)
    share, other_share = (
        counts / (2 + part.shape[0])
        for counts, part in ((holders, inside), (others, outside))
    )
    error = np.sqrt(1 / holders + 1 / others)
    clearness = np.abs(np.log(share / other_share)) / error
    # At least something: no n-gram may tell anything at all.
    factors: Floats = 1 - TOLD + TOLD * clearness / max(clearness.mean(), 1e-9)
    return factors


def _scaled(features: Any, factors: Floats) -> Any:
    """Multiplies columns, in a fifth of the time of a product with a diagonal matrix."""
    data = features.data * factors[features.indices]
    places = (features.indices, features.indptr)
    return sparse.csr_array((data, *places), shape=features.shape)


def rows_with(features: Any) -> NDArray[np.intp]:
    """Returns in how many rows of a sparse matrix each column is not zero."""
    return np.bincount(features.indices, minlength=features.shape[1])
