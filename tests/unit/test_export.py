"""The exported model has the scores of the scikit-learn pipeline it comes from."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV

from callcenterai_svm.dataset import Tickets
from callcenterai_svm.errors import ModelError
from callcenterai_svm.export import export_arrays
from callcenterai_svm.model import TopicModel
from callcenterai_svm.pipeline import calibrated_pipeline

TOLERANCE = 1e-9

anything = st.text(st.characters())
known = st.sampled_from("password laptop Order MAILBOX please my i a the id".split())
ticket = st.lists(known | known | anything).map(" ".join)


def assert_same(
    model: TopicModel, classifier: CalibratedClassifierCV, texts: Sequence[str]
) -> None:
    """Asserts that scores, probabilities and topics are the same for every text."""
    (only,) = classifier.calibrated_classifiers_
    scores = only.estimator.decision_function(texts)
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1)
    np.testing.assert_allclose(model.scores(texts), scores, 0, TOLERANCE)
    expected = classifier.predict_proba(texts)
    np.testing.assert_allclose(model.probabilities(texts), expected, 0, TOLERANCE)
    assert model.predict(texts) == classifier.predict(texts).tolist()


def test_every_ticket_has_the_scores_of_scikit_learn(
    topic_model: TopicModel, classifier: CalibratedClassifierCV, tickets: Tickets
) -> None:
    """All tickets of the sample, scored in one call, match scikit-learn."""
    assert_same(topic_model, classifier, tickets.texts)


@given(st.lists(anything | ticket, min_size=1))
@example(["", "!", "a", "my my my MY", "\u0130\x00\ud800\udc00e\u0301", "x" * 20_000])
@example(["password " * 2_000])
def test_any_text_has_the_scores_of_scikit_learn(
    topic_model: TopicModel, classifier: CalibratedClassifierCV, texts: list[str]
) -> None:
    """Any texts match: odd, empty or long, with known words or without."""
    assert_same(topic_model, classifier, texts)


def test_two_topics_have_the_scores_of_scikit_learn(tickets: Tickets) -> None:
    """A model of two topics matches, although scikit-learn keeps weights for only one."""
    pairs = zip(tickets.texts, tickets.topics, strict=True)
    few = [pair for pair in pairs if pair[1] in ("Access", "Storage")]
    texts, topics = zip(*few, strict=True)
    classifier = calibrated_pipeline(c=0.1, seed=0, jobs=1).fit(texts, topics)
    model = TopicModel("two", export_arrays(classifier))
    assert model.topics == ("Access", "Storage")
    assert_same(model, classifier, [*texts, "", "neither"])


@pytest.mark.parametrize(
    "change",
    [
        {"features__words__sublinear_tf": False},
        {"features__words__ngram_range": (1, 3)},
        {"features__words__preprocessor": str},
        {"features__characters__ngram_range": (2, 5)},
        {"features__characters__analyzer": "char"},
        {"features__characters__norm": "l1"},
        {"features__transformer_weights": {"words": 2.0}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_changed_pipeline_is_not_exported(
    tickets: Tickets, change: dict[str, object]
) -> None:
    """The export fails if the pipeline no longer matches the exported model."""
    classifier = calibrated_pipeline(c=0.1, seed=0, jobs=1)
    classifier.estimator.set_params(**change)
    few = slice(0, 150, 10)  # of three topics, since the file lists one after the other
    classifier.fit(tickets.texts[few], tickets.topics[few])
    with pytest.raises(ModelError, match="exported scores differ by"):
        export_arrays(classifier)
