"""The routes of a service that has loaded its model."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import WAIT_SECONDS, wait_until
from fastapi.testclient import TestClient

from callcenterai_svm import MODEL_FILE
from callcenterai_svm.model import load
from callcenterai_svm.service import loading
from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.limits import MAX_CHARACTERS, MAX_TEXTS
from callcenterai_svm.service.settings import Settings
from callcenterai_svm.topics import TOPICS, Topic

TICKET = "My password expired"
INVOICE = "the vendor sent an invoice for the purchase order"


def test_root_describes_the_service(client: TestClient) -> None:
    """GET / lists the topics, the limits and the routes, all of which exist."""
    body = client.get("/").json()
    assert body["topics"] == list(TOPICS)
    assert body["limits"]["texts"] == MAX_TEXTS
    assert "/predict_one" in body["routes"]
    # The prediction routes answer a GET with 405.
    assert {client.get(path).status_code for path in body["routes"]} == {200, 405}


def test_health_is_alive(client: TestClient) -> None:
    """/health reports that the process is alive, and nothing about the model."""
    response = client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_ready_identifies_the_model(client: TestClient, model_folder: Path) -> None:
    """/ready has the model's name, version and source."""
    version = load(model_folder / MODEL_FILE).version
    model = {"name": "callcenterai-svm", "version": version, "source": "MODEL_PATH"}
    assert client.get("/ready").json() == {"status": "ready", "model": model}


def test_predict_one_returns_input_and_topic(client: TestClient) -> None:
    """/predict_one returns the original text and the topic, and nothing else."""
    response = client.post("/predict_one", json={"text": TICKET})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == '{"input":"My password expired","prediction":"Access"}'


def test_predict_keeps_the_order(client: TestClient) -> None:
    """/predict returns one topic per ticket, in order, and nothing else."""
    response = client.post("/predict", json={"text": [TICKET, INVOICE]})
    assert response.text == '{"predictions":["Access","Purchase"]}'


def test_probabilities_are_returned_on_request(client: TestClient) -> None:
    """The probabilities of all topics add up to 1; the prediction has the largest."""
    request = {"text": INVOICE, "probabilities": True}
    body = client.post("/predict_one", json=request).json()
    assert list(body["probabilities"]) == list(TOPICS)
    assert sum(body["probabilities"].values()) == pytest.approx(1)
    assert max(TOPICS, key=body["probabilities"].get) == body["prediction"]


def test_probabilities_of_several_tickets_keep_their_order(client: TestClient) -> None:
    """Each ticket has the probabilities that it would have alone, in order."""
    request = {"text": [TICKET, INVOICE], "probabilities": True}
    body = client.post("/predict", json=request).json()
    assert body["predictions"] == ["Access", "Purchase"]
    for text, probabilities in zip(request["text"], body["probabilities"], strict=True):
        alone = client.post("/predict_one", json={"text": text, "probabilities": True})
        assert probabilities == pytest.approx(alone.json()["probabilities"])


def test_probabilities_can_be_declined(client: TestClient) -> None:
    """With "probabilities": false, the response has no probabilities."""
    request = {"text": TICKET, "probabilities": False}
    assert "probabilities" not in client.post("/predict_one", json=request).json()


def test_tickets_up_to_the_limits_are_accepted(client: TestClient) -> None:
    """A request with the most tickets and one with the longest ticket succeed."""
    response = client.post("/predict", json={"text": [TICKET] * MAX_TEXTS})
    assert response.json() == {"predictions": ["Access"] * MAX_TEXTS}
    longest = TICKET.ljust(MAX_CHARACTERS, "!")
    assert client.post("/predict_one", json={"text": longest}).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"],
)
def test_every_json_content_type_is_accepted(
    client: TestClient, content_type: str
) -> None:
    """Content types may have parameters, capitals and a structured suffix."""
    headers = {"content-type": content_type}
    response = client.post("/predict_one", content='{"text": "a"}', headers=headers)
    assert response.status_code == 200


def test_service_works_below_a_path_prefix(client: TestClient) -> None:
    """Predictions and errors work behind a proxy that keeps its path prefix."""
    below = TestClient(client.app, root_path="/svm")
    for request, status in (({"text": TICKET}, 200), ({"text": ""}, 422)):
        assert below.post("/svm/predict_one", json=request).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("POST", "/predict_one/", 404),
        ("GET", "/predict_one", 405),
        ("PUT", "/predict", 405),
        ("POST", "/health", 405),
        ("BREW", "/predict", 405),
    ],
)
def test_unknown_path_or_method_gives_json(
    client: TestClient, method: str, path: str, status: int
) -> None:
    """An unknown path gives 404 and a wrong method 405, both with a JSON body."""
    response = client.request(method, path, follow_redirects=False)
    assert response.status_code == status
    assert isinstance(response.json()["detail"], str)


class SlowModel:
    """A model whose batches wait until the test lets them go on."""

    version, topics = "slow", TOPICS

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.may_go_on = threading.Event()

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Records the number of texts."""
        self.batches.append(len(texts))
        assert len(texts) == 1 or self.may_go_on.wait(WAIT_SECONDS)
        return ["Access"] * len(texts)


def test_large_batch_does_not_delay_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large batch is predicted at once in a thread while other requests succeed."""
    slow = SlowModel()
    monkeypatch.setattr(loading, "_load", lambda *_: slow)
    large = {"text": ["a" * MAX_CHARACTERS] * 3}
    with TestClient(create_app(Settings())) as client:
        wait_until(client, lambda response: response.status_code == 200)
        statuses: list[int] = []
        sender = threading.Thread(
            target=lambda: statuses.append(
                client.post("/predict", json=large).status_code
            )
        )
        sender.start()
        assert client.post("/predict_one", json={"text": "a"}).status_code == 200
        assert client.get("/health").status_code == 200
        assert not statuses
        slow.may_go_on.set()
        sender.join()
    assert statuses == [200]
    assert sorted(slow.batches) == [1, 3]
