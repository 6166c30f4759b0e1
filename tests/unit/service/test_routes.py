"""The routes of a service that is ready: what they answer."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import PATIENCE, wait_until
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


def test_root_says_what_this_is(client: TestClient) -> None:
    """The topics, the limits and the routes to go to, each of which is there."""
    body = client.get("/").json()
    assert body["topics"] == list(TOPICS)
    assert body["limits"]["texts"] == MAX_TEXTS
    assert "/predict_one" in body["routes"]
    # 405 is the answer of a route that wants a body.
    assert {client.get(path).status_code for path in body["routes"]} == {200, 405}


def test_health_is_alive(client: TestClient) -> None:
    """Without a word about the model."""
    response = client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_ready_names_the_model(client: TestClient, model_folder: Path) -> None:
    """By name, version and the setting it came from."""
    version = load(model_folder / MODEL_FILE).version
    model = {"name": "callcenterai-svm", "version": version, "source": "MODEL_PATH"}
    assert client.get("/ready").json() == {"status": "ready", "model": model}


def test_predict_one_gives_back_the_input(client: TestClient) -> None:
    """As it came, not as it was cleaned, and nothing more."""
    response = client.post("/predict_one", json={"text": TICKET})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == '{"input":"My password expired","prediction":"Access"}'


def test_predict_keeps_the_order(client: TestClient) -> None:
    """One topic a ticket, and nothing more."""
    response = client.post("/predict", json={"text": [TICKET, INVOICE]})
    assert response.text == '{"predictions":["Access","Purchase"]}'


def test_probabilities_come_on_request(client: TestClient) -> None:
    """Of every topic; they add up to one, and the predicted topic has the most."""
    asked = {"text": INVOICE, "probabilities": True}
    answer = client.post("/predict_one", json=asked).json()
    assert list(answer["probabilities"]) == list(TOPICS)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert max(TOPICS, key=answer["probabilities"].get) == answer["prediction"]


def test_probabilities_of_several_tickets_keep_their_order(client: TestClient) -> None:
    """Each is what the ticket alone would get."""
    asked = {"text": [TICKET, INVOICE], "probabilities": True}
    answer = client.post("/predict", json=asked).json()
    assert answer["predictions"] == ["Access", "Purchase"]
    for text, probabilities in zip(asked["text"], answer["probabilities"], strict=True):
        alone = client.post("/predict_one", json={"text": text, "probabilities": True})
        assert probabilities == pytest.approx(alone.json()["probabilities"])


def test_probabilities_can_be_declined(client: TestClient) -> None:
    """Which is the same as not to ask for them."""
    asked = {"text": TICKET, "probabilities": False}
    assert "probabilities" not in client.post("/predict_one", json=asked).json()


def test_predict_takes_as_many_tickets_as_it_says(client: TestClient) -> None:
    """And as long ones, within the limit of the whole body."""
    response = client.post("/predict", json={"text": [TICKET] * MAX_TEXTS})
    assert response.json() == {"predictions": ["Access"] * MAX_TEXTS}
    longest = TICKET.ljust(MAX_CHARACTERS, "!")
    assert client.post("/predict_one", json={"text": longest}).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "Application/JSON", "application/ld+json"],
)
def test_json_may_be_named_in_several_ways(
    client: TestClient, content_type: str
) -> None:
    """As the standards have it."""
    headers = {"content-type": content_type}
    response = client.post("/predict_one", content='{"text": "a"}', headers=headers)
    assert response.status_code == 200


def test_service_may_stand_below_a_path(client: TestClient) -> None:
    """Behind a proxy that keeps its prefix; limits hold there too."""
    below = TestClient(client.app, root_path="/svm")
    for asked, status in (({"text": TICKET}, 200), ({"text": ""}, 422)):
        assert below.post("/svm/predict_one", json=asked).status_code == status


class Slow:
    """A model that takes its time for several texts."""

    version, topics = "slow", TOPICS

    def __init__(self) -> None:
        self.passes: list[int] = []
        self.may_go_on = threading.Event()

    def predict(self, texts: Sequence[str]) -> list[Topic]:
        """Notes how many came at once."""
        self.passes.append(len(texts))
        assert len(texts) == 1 or self.may_go_on.wait(PATIENCE)
        return ["Access"] * len(texts)


def test_large_batch_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is predicted in one pass, on a thread, while others are answered."""
    slow = Slow()
    monkeypatch.setattr(loading, "_load", lambda *_: slow)
    large = {"text": ["a" * MAX_CHARACTERS] * 3}
    with TestClient(create_app(Settings())) as client:
        wait_until(client, lambda response: response.status_code == 200)
        answers: list[int] = []
        asking = threading.Thread(
            target=lambda: answers.append(
                client.post("/predict", json=large).status_code
            )
        )
        asking.start()
        assert client.post("/predict_one", json={"text": "a"}).status_code == 200
        assert client.get("/health").status_code == 200
        assert not answers
        slow.may_go_on.set()
        asking.join()
    assert answers == [200]
    assert sorted(slow.passes) == [1, 3]
