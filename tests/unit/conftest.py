"""Shared fixtures: a model that is trained once, and a service that has loaded it.

No test sees the environment variables of the machine, and none uses the network.

What takes long to import is imported where it is used, because pytest also imports this
file in the process that only distributes the tests, before it starts the others.
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response
    from sklearn.calibration import CalibratedClassifierCV

    from callcenterai_svm.arrays import ModelArrays
    from callcenterai_svm.dataset import Tickets
    from callcenterai_svm.metrics import TrainingMetrics
    from callcenterai_svm.model import TopicModel

WAIT_SECONDS = 60.0
"""Seconds after which a test stops waiting; far longer than any wait takes."""

VARIABLES = (
    "DATABRICKS_HOST",
    "DATABRICKS_TOKEN",
    "EXPERIMENT_NAME",
    "LOG_LEVEL",
    "MLFLOW_TRACKING_URI",
    "MODEL_ALLOWED_PICKLES",
    "MODEL_PATH",
    "MODEL_TIMEOUT",
    "MODEL_URI",
)
"""The environment variables of the service's settings; a test holds them complete."""

# Training in processes of its own would take longer: each imports scikit-learn, and the
# tests already use all cores. Tests of several processes set their number themselves.
os.environ["LOKY_MAX_CPU_COUNT"] = "1"


# Tests of these modules run in one process, because they share what takes long to set up.
SHARED = {
    "test_counting": "training",
    "test_report": "training",
    "test_selection": "training",
    "test_train": "training",
    "test_pickled_models": "service",
    "test_server": "service",
}

MAX_PROCESSES = 4
"""More would take longer to start than they save."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The processes of ``--numprocesses=auto``; none for a module or selected tests."""
    selected = config.option.keyword or config.option.markexpr
    if selected or not any(Path(argument).is_dir() for argument in config.args):
        return 0
    return min(MAX_PROCESSES, len(os.sched_getaffinity(0)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Distributes the tests one by one, except for those that share a set-up."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = Path(nodeid.partition("::")[0]).stem
            return SHARED.get(module, nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets the tests without a model run first, while another process trains one."""
    items.sort(key=lambda item: "model_folder" in getattr(item, "fixturenames", ()))


def pytest_collectstart() -> None:
    """Loads the settings of Hypothesis, which apply to the modules imported afterwards."""
    import hypothesis

    # A slow run on a busy machine is not a failure.
    hypothesis.settings.register_profile("unit", deadline=None)
    hypothesis.settings.load_profile("unit")


@dataclass(frozen=True)
class Trained:
    """The model folder, the metrics and the output of one training run."""

    folder: Path
    metrics: TrainingMetrics
    output: str


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hides the machine's environment variables and .env file from a test."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def tickets_csv() -> Path:
    """The sample of tickets in this repository."""
    return Path(__file__).parents[2] / "data" / "tickets.csv"


@pytest.fixture(scope="session")
def minimal_csv(tickets_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest file of eight topics that training accepts."""
    from callcenterai_svm.dataset import MIN_PER_TOPIC

    with tickets_csv.open(newline="") as lines:
        header, *rows = csv.reader(lines)
    path = tmp_path_factory.mktemp("minimal") / "minimal.csv"
    with path.open("w", newline="") as lines:
        # The sample has 50 rows of each topic, one topic after the other.
        starts = range(0, 400, 50)
        few = (row for start in starts for row in rows[start:][:MIN_PER_TOPIC])
        csv.writer(lines).writerows([header, *few])
    return path


@pytest.fixture(scope="session")
def tickets(tickets_csv: Path) -> Tickets:
    """The tickets of the sample."""
    from callcenterai_svm.dataset import read_tickets

    return read_tickets(tickets_csv)


@pytest.fixture(scope="session")
def minimal_tickets(minimal_csv: Path) -> Tickets:
    """The tickets of the smallest file."""
    from callcenterai_svm.dataset import read_tickets

    return read_tickets(minimal_csv)


def ignore_progress(_: str) -> None:
    """Discards a progress message."""


def small_model(**changes: Any) -> ModelArrays:
    """A model of five n-grams and two topics, with some arrays replaced."""
    import numpy as np

    from callcenterai_svm.arrays import ModelArrays

    arrays = {
        "topics": ("Access", "Storage"),
        "words": ("a", "a b", "b"),
        "characters": (" a ", " b "),
        "idf": np.arange(1.0, 6.0),
        "weights": np.arange(10.0).reshape(5, 2),
        "intercept": np.zeros(2),
        "inverse_temperature": np.asarray(1.0),
    }
    return ModelArrays(**{**arrays, **changes})


@pytest.fixture(scope="session")
def classifier(tickets: Tickets) -> CalibratedClassifierCV:
    """The scikit-learn classifier, fitted on the sample with a fixed C."""
    from callcenterai_svm.pipeline import calibrated_pipeline

    return calibrated_pipeline(c=0.1, seed=0, jobs=1).fit(tickets.texts, tickets.topics)


@pytest.fixture(scope="session")
def topic_model(classifier: CalibratedClassifierCV) -> TopicModel:
    """The same classifier, exported to the model that the service uses."""
    from callcenterai_svm.export import export_arrays
    from callcenterai_svm.model import TopicModel

    return TopicModel("sample", export_arrays(classifier))


@pytest.fixture(scope="session")
def trained(tickets_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model trained on the sample by the training command."""
    from callcenterai_svm.metrics import TrainingMetrics
    from callcenterai_svm.train import main

    folder = tmp_path_factory.mktemp("trained") / "deep" / "model"
    with redirect_stdout(io.StringIO()) as output:
        assert main(["--data", str(tickets_csv), "--output", str(folder)]) == 0
    metrics = TrainingMetrics(**json.loads((folder / "metrics.json").read_text()))
    return Trained(folder, metrics, output.getvalue())


@pytest.fixture(scope="session")
def model_folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the same classifier as a model file, and nothing else.

    The first process that needs it trains it for all of them: the import of scikit-learn
    takes longer than most tests.
    """
    from callcenterai_svm import MODEL_FILE
    from callcenterai_svm.model import save

    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent  # which the processes of this run share
    folder /= "model"
    try:
        folder.mkdir()
    except FileExistsError:
        wait_for((folder / MODEL_FILE).exists)
        return folder
    from callcenterai_svm.export import export_arrays

    save(export_arrays(request.getfixturevalue("classifier")), folder / MODEL_FILE)
    return folder


@pytest.fixture(scope="session")
def client(model_folder: Path) -> Iterator[TestClient]:
    """A client of a service that has loaded its model."""
    from fastapi.testclient import TestClient

    from callcenterai_svm.service.app import create_app
    from callcenterai_svm.service.settings import Settings

    # model_construct: skips validation, and with it the environment and .env.
    settings = Settings.model_construct(model_path=model_folder)
    with TestClient(create_app(settings)) as ready:
        wait_until(ready, lambda response: response.status_code == 200)
        yield ready


def is_running(pid: str) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        status = Path("/proc", pid, "stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits until a condition holds."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def wait_until(client: TestClient, condition: Callable[[Response], bool]) -> Response:
    """Polls /ready until its response fulfils the condition; returns the response."""
    end = time.monotonic() + WAIT_SECONDS
    pause = 0.005
    while not condition(response := client.get("/ready")):
        assert time.monotonic() < end, f"still {response.text}"
        time.sleep(pause)
        pause = min(2 * pause, 0.1)  # frequent requests would slow down what they await
    return response
