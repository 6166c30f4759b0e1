"""Models over plain strings: what they predict, how they are kept, which are refused."""

import copy
import os
import pickle
import re
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import skops.io
from conftest import Trained
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from callcenterai_svm import model
from callcenterai_svm.errors import ModelError
from callcenterai_svm.topics import TOPICS


@pytest.fixture(scope="session")
def topic_model(trained: Trained) -> model.TopicModel:
    """The trained model as the service loads it."""
    return model.load(trained.folder / "model.skops")


def fitted(topics: list[str]) -> Pipeline:
    """A classifier that knows one word of each topic."""
    pipeline = make_pipeline(TfidfVectorizer(), LinearSVC(random_state=0))
    return pipeline.fit([f"word{number}" for number in range(len(topics))], topics)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("I forgot my password and my account is locked", "Access"),
        (
            "Please install this program, it needs administrator rights",
            "Administrative rights",
        ),
        ("My laptop screen is broken and the keyboard is dead", "Hardware"),
        ("Annual leave of an employee on maternity leave", "HR Support"),
        ("Please create a project code so that we can book hours", "Internal Project"),
        ("Please add me to the distribution list", "Miscellaneous"),
        ("Purchase order and invoice of the vendor", "Purchase"),
        ("Mailbox quota exceeded, restore the folder on the share", "Storage"),
    ],
)
def test_plain_ticket_gets_its_topic(
    topic_model: model.TopicModel, text: str, topic: str
) -> None:
    """One that a person would not hesitate over, of each topic."""
    assert topic_model.predict([text]) == [topic]


@pytest.mark.parametrize("text", ["!!!", "", "日本語", "\x00", "zzz " * 10_000])
def test_text_without_a_known_word_gets_a_topic(
    topic_model: model.TopicModel, text: str
) -> None:
    """Odd as it is, it is one of the eight."""
    assert topic_model.predict([text])[0] in TOPICS


def test_texts_keep_their_order(topic_model: model.TopicModel) -> None:
    """In one go as one by one."""
    texts = ["my password expired", "order from the vendor", "disk quota of my mailbox"]
    one_by_one = [topic_model.predict([text])[0] for text in texts]
    assert topic_model.predict(texts) == one_by_one
    assert len(set(one_by_one)) == 3


def test_case_and_white_space_do_not_matter(topic_model: model.TopicModel) -> None:
    """Texts are cleaned as in training."""
    assert topic_model.predict([" RESET\n My  Password "]) == ["Access"]


def test_equal_models_are_equal_files(trained: Trained, tmp_path: Path) -> None:
    """Wherever they lay in memory, and however often they were kept and loaded."""
    original = trained.folder / "model.skops"
    classifier = skops.io.load(original, trusted=model.TRUSTED)
    again = tmp_path / "again.skops"
    assert model.save(copy.deepcopy(classifier), again) == trained.metrics.model_version
    assert again.read_bytes() == original.read_bytes()


def test_file_holds_no_memory_address(trained: Trained) -> None:
    """Such a number would make every training a new version."""
    with ZipFile(trained.folder / "model.skops") as archive:
        schema = archive.read("schema.json").decode()
    assert re.findall(r"(?<![\d.])\d{12,}", schema) == []


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """With the system's own reason."""
    with pytest.raises(ModelError, match="none.skops: No such file"):
        model.load(tmp_path / "none.skops")


@pytest.mark.parametrize("content", [b"", b"no archive", pickle.dumps(TOPICS)])
def test_other_format_is_refused(tmp_path: Path, content: bytes) -> None:
    """A pickle as well: it is never unpickled."""
    path = tmp_path / "model.skops"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a model this service loads"):
        model.load(path)


@pytest.mark.parametrize(
    ("classifier", "message"),
    [
        (FunctionTransformer(os.getcwd), "not a model this service loads.*getcwd"),
        (LinearSVC(), "not a model this service loads.*classes_"),
        (fitted(["Access", "Weather"]), r"unknown topics: \['Weather'\]"),
        (LinearSVC().fit([[0], [1]], ["Access", "Storage"]), "does not predict"),
    ],
    ids=["untrusted", "unfitted", "foreign topics", "no text"],
)
def test_unfit_archive_is_refused(
    tmp_path: Path, classifier: Any, message: str
) -> None:
    """For what it could run, lacks, or would say."""
    path = tmp_path / "model.skops"
    skops.io.dump(classifier, path)
    with pytest.raises(ModelError, match=message) as caught:
        model.load(path)
    assert "\n" not in str(caught.value)


def test_model_that_mlflow_wrote_loads(tmp_path: Path) -> None:
    """Its archive is a plain one of skops, with addresses and times."""
    path = tmp_path / "model.skops"
    skops.io.dump(fitted(["Access", "Storage"]), path)
    assert model.load(path).predict(["word1"]) == ["Storage"]
