"""The Prometheus metrics at /metrics."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import wait_until
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from callcenterai_svm import MODEL_FILE
from callcenterai_svm.model import load
from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.settings import Settings
from callcenterai_svm.topics import TOPICS

Labels = frozenset[tuple[str, str]]


@pytest.fixture
def fresh(model_folder: Path) -> Iterator[TestClient]:
    """A client of a service that has received no requests but those to /ready."""
    with TestClient(create_app(Settings(model_path=model_folder))) as client:
        wait_until(client, lambda response: response.status_code == 200)
        yield client


def samples(client: TestClient, name: str) -> dict[Labels, float]:
    """The values of one metric, by labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        frozenset(sample.labels.items()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == f"callcenterai_{name}"
    }


def labels(**given: str) -> Labels:
    """Labels in the form of the keys of ``samples``."""
    return frozenset(given.items())


def test_metrics_are_in_the_prometheus_format(fresh: TestClient) -> None:
    """The content type is that of the Prometheus text format."""
    assert fresh.get("/metrics").headers["content-type"].startswith("text/plain; v")


def test_requests_are_counted_by_method_route_and_status(fresh: TestClient) -> None:
    """Requests are counted by method, route and status, rejected ones too."""
    fresh.post("/predict_one", json={"text": "a"})
    fresh.post("/predict_one", json={"text": "b"})
    fresh.post("/predict_one", json={"text": 7})
    counted = samples(fresh, "http_requests_total")
    key = {"method": "POST", "route": "/predict_one"}
    assert counted[labels(**key, status="200")] == 2
    assert counted[labels(**key, status="422")] == 1


def test_clients_cannot_add_labels(fresh: TestClient) -> None:
    """All unknown paths share one label value, and so do all unknown methods."""
    for number in range(20):
        fresh.get(f"/nowhere/{number}")
        fresh.request(f"BREW{number}", "/health")
    counted = samples(fresh, "http_requests_total")
    assert counted[labels(method="GET", route="unknown", status="404")] == 20
    assert counted[labels(method="unknown", route="/health", status="405")] == 20


def test_durations_fit_the_buckets(fresh: TestClient) -> None:
    """Every request is in a bucket, and the smallest bucket ends at 0.25 ms."""
    for _ in range(3):
        fresh.post("/predict_one", json={"text": "a"})
    buckets = samples(fresh, "http_request_duration_seconds_bucket")
    assert buckets[labels(route="/predict_one", le="+Inf")] == 3
    assert labels(route="/predict_one", le="0.00025") in buckets


def test_predictions_are_counted_by_topic(fresh: TestClient) -> None:
    """Every topic has a series from the start, so that rates can be computed."""
    assert samples(fresh, "predictions_total") == {labels(topic=t): 0 for t in TOPICS}
    fresh.post("/predict", json={"text": ["my password expired"] * 3})
    fresh.post("/predict_one", json={"text": "my password expired"})
    assert samples(fresh, "predictions_total")[labels(topic="Access")] == 4


def test_loaded_model_is_reported(fresh: TestClient, model_folder: Path) -> None:
    """Once the model is loaded, the metrics report its version and source."""
    version = load(model_folder / MODEL_FILE).version
    expected = {labels(version=version, source="MODEL_PATH"): 1}
    assert samples(fresh, "model_info") == expected
    assert samples(fresh, "ready") == {labels(): 1}


def test_missing_model_is_reported() -> None:
    """Without a model, ready is 0 and there is no model version."""
    with TestClient(create_app(Settings())) as client:
        assert samples(client, "ready") == {labels(): 0}
        assert samples(client, "model_info") == {}


def test_two_services_count_separately(fresh: TestClient, client: TestClient) -> None:
    """Two services in one process do not share counters."""
    client.post("/predict_one", json={"text": "a"})
    key = labels(method="POST", route="/predict_one", status="200")
    assert key not in samples(fresh, "http_requests_total")
