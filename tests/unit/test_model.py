"""Prediction, saving and loading of models, and the errors for invalid files."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import small_model
from hypothesis import given
from hypothesis import strategies as st

from callcenterai_svm import model
from callcenterai_svm.errors import ModelError
from callcenterai_svm.model import TopicModel, load, save
from callcenterai_svm.topics import TOPICS

# Loads a model; prints the audit events of running code, and which modules were imported.
LOAD = """
import sys
from pathlib import Path
from callcenterai_svm.errors import ModelError
from callcenterai_svm.model import load
ran = []
kinds = {"compile", "exec", "import", "os.system", "pickle.find_class", "subprocess.Popen"}
sys.addaudithook(lambda kind, _: ran.append(kind) if kind in kinds else None)
try:
    load(Path(sys.argv[1]))
except ModelError:
    ran.append("rejected")
print(ran, sorted({"sklearn", "scipy", "skops", "joblib", "pandas"}.intersection(sys.modules)))
"""


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
    topic_model: TopicModel, text: str, topic: str
) -> None:
    """An unambiguous ticket of each topic is classified correctly."""
    assert topic_model.predict([text]) == [topic]


@pytest.mark.parametrize("text", ["!!!", "", "日本語", "\x00", "zzz " * 10_000])
def test_text_without_a_known_word_gets_a_topic(
    topic_model: TopicModel, text: str
) -> None:
    """A text without any known word still gets one of the eight topics."""
    assert topic_model.predict([text])[0] in TOPICS


def test_case_and_punctuation_do_not_matter(topic_model: TopicModel) -> None:
    """Case, punctuation and spacing do not change the scores."""
    one, other = topic_model.scores([" RESET\n My  Password! ", "reset my password"])
    assert one.tolist() == other.tolist()


@given(st.lists(st.text(max_size=9) | st.sampled_from(["my password", "a b c d e"])))
def test_scores_of_a_text_do_not_depend_on_other_texts(
    topic_model: TopicModel, texts: list[str]
) -> None:
    """A text has the same scores alone, among others and in batches of any size."""
    alone = [topic_model.scores([text])[0] for text in texts]
    expected = np.reshape(alone, (len(texts), len(TOPICS)))
    with pytest.MonkeyPatch.context() as patch:
        for most in (1, 20, 1_000):
            patch.setattr(model, "MAX_BATCH_CHARACTERS", most)
            found = topic_model.scores(texts)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_probabilities_are_a_softmax_of_the_scores() -> None:
    """Probabilities are the softmax of the scores times the inverse temperature."""
    weights = np.zeros((5, 2))
    weights[0, 0], weights[2, 1] = 2, 1
    small = TopicModel(
        "small", small_model(weights=weights, inverse_temperature=np.asarray(2.0))
    )
    assert small.scores(["A", "b!", "?"]).tolist() == [[2, 0], [0, 1], [0, 0]]
    expected = [[1, np.exp(-4)], [np.exp(-2), 1], [0.5, 0.5]]
    expected = [row / np.sum(row) for row in expected]
    np.testing.assert_allclose(small.probabilities(["A", "b!", "?"]), expected)
    assert small.predict(["A", "b!"]) == ["Access", "Storage"]


def test_saved_model_makes_the_same_predictions(tmp_path: Path) -> None:
    """A loaded model has the scores of the saved one, and the version of its bytes."""
    arrays = small_model()
    version = save(arrays, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.version == version == save(arrays, tmp_path / "again")
    texts = ["a", "a b", ""]
    before = TopicModel(version, arrays).scores(texts)
    assert loaded.scores(texts).tolist() == before.tolist()


def test_failed_save_leaves_the_earlier_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If saving fails, the earlier file stays intact and no other file is left."""
    save(small_model(), tmp_path / "model")
    earlier = (tmp_path / "model").read_bytes()

    def full(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space left"):
        save(small_model(inverse_temperature=np.asarray(2.0)), tmp_path / "model")
    assert list(tmp_path.iterdir()) == [tmp_path / "model"]
    assert (tmp_path / "model").read_bytes() == earlier


def test_saved_model_has_the_usual_file_mode(tmp_path: Path) -> None:
    """The file mode follows the umask, so that another user can read the model."""
    save(small_model(), tmp_path / "model")
    (tmp_path / "plain").touch()
    modes = [(tmp_path / name).stat().st_mode for name in ("model", "plain")]
    assert modes[0] == modes[1]


def test_missing_file_is_rejected(tmp_path: Path) -> None:
    """The error for a missing file or a folder is the operating system's."""
    with pytest.raises(ModelError, match="none: No such file"):
        load(tmp_path / "none")
    with pytest.raises(ModelError, match="Is a directory"):
        load(tmp_path)


def test_endless_file_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading stops after ``MAX_FILE_BYTES`` and fails."""
    monkeypatch.setattr(model, "MAX_FILE_BYTES", 1_000)
    with pytest.raises(ModelError, match="/dev/zero: larger than 1000 bytes"):
        load(Path("/dev/zero"))


def test_error_names_the_file(tmp_path: Path) -> None:
    """The error begins with the path of the file."""
    path = tmp_path / "model"
    path.write_bytes(b"not a model")
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: invalid model file")


def test_model_that_cannot_predict_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading makes a trial prediction and fails if it gives no probabilities."""
    save(small_model(), tmp_path / "model")
    scores = np.full((1, 2), np.nan)
    monkeypatch.setattr(TopicModel, "scores", lambda self, texts: scores)
    with pytest.raises(ModelError, match="model: its probabilities do not add up to 1"):
        load(tmp_path / "model")


class Planted:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (sys.exit, (7,))


@pytest.mark.parametrize("planted", [False, True], ids=["model", "pickle"])
def test_loading_runs_no_code_from_the_file(tmp_path: Path, planted: bool) -> None:
    """Loading runs no code from the file and does not import scikit-learn."""
    path = tmp_path / "model"
    save(small_model(), path)
    if planted:
        path.write_bytes(pickle.dumps(Planted()))
    command = [sys.executable, "-c", LOAD, str(path)]
    environment = {"PYTHONPATH": ":".join(sys.path)}
    run = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert run.stdout.decode() == f"{['rejected'] if planted else []} []\n"
