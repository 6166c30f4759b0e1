"""The routes of a service that is ready: answers, refusals, limits."""

from typing import Any

import pytest
from conftest import Trained
from fastapi.testclient import TestClient

from callcenterai_svm.schemas import MAX_BODY_BYTES, MAX_CHARACTERS, MAX_TICKETS
from callcenterai_svm.topics import TOPICS

TICKET = "My password expired"


def test_root_says_what_this_is(client: TestClient) -> None:
    """The topics and the routes to go to."""
    body = client.get("/").json()
    assert body["topics"] == list(TOPICS)
    assert "/predict_one" in body["routes"]


def test_health_is_alive(client: TestClient) -> None:
    """Without a word about the model."""
    response = client.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_ready_names_the_model(client: TestClient, trained: Trained) -> None:
    """By name, version and the setting it came from."""
    model = {
        "name": "callcenterai-svm",
        "version": trained.metrics.model_version,
        "source": "MODEL_PATH",
    }
    assert client.get("/ready").json() == {"status": "ready", "model": model}


def test_predict_one_gives_back_the_input(client: TestClient) -> None:
    """As it came, not as it was cleaned."""
    response = client.post("/predict_one", json={"text": TICKET})
    assert response.status_code == 200
    assert response.json() == {"input": TICKET, "prediction": "Access"}


def test_predict_keeps_the_order(client: TestClient) -> None:
    """One topic a ticket."""
    texts = [TICKET, "the vendor sent an invoice for the purchase order"]
    response = client.post("/predict", json={"text": texts})
    assert response.json() == {"predictions": ["Access", "Purchase"]}


def test_predict_takes_as_many_tickets_as_it_says(client: TestClient) -> None:
    """And as long ones, within the limit of the whole body."""
    response = client.post("/predict", json={"text": [TICKET] * MAX_TICKETS})
    assert response.json() == {"predictions": ["Access"] * MAX_TICKETS}
    longest = TICKET.ljust(MAX_CHARACTERS, "!")
    assert client.post("/predict_one", json={"text": longest}).status_code == 200


@pytest.mark.parametrize(
    ("route", "body", "message"),
    [
        ("/predict_one", {}, "body.text: Field required"),
        ("/predict_one", {"text": ""}, "body.text: String should have at least 1"),
        ("/predict_one", {"text": " \n"}, "body.text: String should hold more than"),
        ("/predict_one", {"text": 7}, "body.text: Input should be a valid string"),
        ("/predict_one", {"text": None}, "body.text: Input should be a valid string"),
        (
            "/predict_one",
            {"text": [TICKET]},
            "body.text: Input should be a valid string",
        ),
        (
            "/predict_one",
            {"text": "a" * (MAX_CHARACTERS + 1)},
            f"body.text: String should have at most {MAX_CHARACTERS} characters",
        ),
        ("/predict", {"text": []}, "body.text: List should have at least 1 item"),
        ("/predict", {"text": TICKET}, "body.text: Input should be a valid list"),
        (
            "/predict",
            {"text": [TICKET, 7]},
            "body.text[1]: Input should be a valid string",
        ),
        (
            "/predict",
            {"text": [TICKET, ""]},
            "body.text[1]: String should have at least",
        ),
        (
            "/predict",
            {"text": ["a"] * (MAX_TICKETS + 1)},
            f"body.text: List should have at most {MAX_TICKETS} items",
        ),
        ("/predict", [TICKET], "body: Input should be a valid dictionary"),
    ],
)
def test_unusable_ticket_is_refused_by_field(
    client: TestClient, route: str, body: Any, message: str
) -> None:
    """422, and the message says where in the body."""
    response = client.post(route, json=body)
    assert response.status_code == 422
    (problem,) = response.json()["detail"]
    assert problem["msg"].startswith(message)


@pytest.mark.parametrize(
    "body", ['{"text": NaN}', '{"text": "\\ud800"}', "no JSON", ""]
)
def test_what_json_cannot_say_is_refused(client: TestClient, body: str) -> None:
    """422 as well: the answer does not try to repeat it."""
    headers = {"content-type": "application/json"}
    response = client.post("/predict_one", content=body, headers=headers)
    assert response.status_code == 422
    assert response.json()["detail"][0]["msg"].startswith("body")


def test_oversized_body_is_refused_with_the_limit(client: TestClient) -> None:
    """Whether or not it declares its length."""
    parts = [b"a" * MAX_BODY_BYTES, b"a"]
    headers = {"content-type": "application/json"}
    for content in (b"".join(parts), iter(parts)):
        response = client.post("/predict", content=content, headers=headers)
        assert response.status_code == 413
        expected = f"body: should have at most {MAX_BODY_BYTES} bytes"
        assert response.json() == {"detail": expected}
