"""The OpenAPI document at /openapi.json."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from callcenterai_svm.service import schemas

ROUTES = [
    ("/", "get", {"200"}),
    ("/health", "get", {"200"}),
    ("/ready", "get", {"200", "503"}),
    ("/metrics", "get", {"200"}),
    ("/predict", "post", {"200", "408", "413", "415", "422", "503"}),
    ("/predict_one", "post", {"200", "408", "413", "415", "422", "503"}),
]


@pytest.fixture(scope="module")
def openapi(client: TestClient) -> dict[str, Any]:
    """The OpenAPI document."""
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def resolve(openapi: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference points to."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = openapi["components"]["schemas"].get(name, schema)
    return found


def test_every_route_is_documented(openapi: dict[str, Any]) -> None:
    """The document lists the six routes and no others."""
    documented = [
        (path, method) for path, item in openapi["paths"].items() for method in item
    ]
    assert documented == [(path, method) for path, method, _ in ROUTES]


@pytest.mark.parametrize(("path", "method", "statuses"), ROUTES)
def test_every_response_has_a_description_and_an_example(
    openapi: dict[str, Any], path: str, method: str, statuses: set[str]
) -> None:
    """Every response, errors included, has a description and an example."""
    operation = openapi["paths"][path][method]
    assert operation["description"]
    assert set(operation["responses"]) == statuses
    for status, response in operation["responses"].items():
        ((_, content),) = response["content"].items()
        schema = resolve(openapi, content.get("schema", {}))
        options = [resolve(openapi, each) for each in schema.get("anyOf", [schema])]
        examples = [content.get("example"), *(e.get("examples") for e in options)]
        assert any(examples), (path, status)
        assert response["description"]


@pytest.mark.parametrize(
    ("path", "model"), [("/predict", "Tickets"), ("/predict_one", "Ticket")]
)
def test_examples_of_requests_are_accepted(
    client: TestClient, openapi: dict[str, Any], path: str, model: str
) -> None:
    """Every example request succeeds, and the schema contains the limits."""
    body = openapi["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": f"#/components/schemas/{model}"}
    schema = resolve(openapi, body["schema"])
    for example in schema["examples"]:
        assert client.post(path, json=example).status_code == 200
    text = schema["properties"]["text"]
    assert "maxLength" in text or "maxItems" in text


@pytest.mark.parametrize(
    "model",
    [schemas.Ticket, schemas.Tickets, schemas.Prediction, schemas.Predictions],
)
def test_examples_fit_their_models(model: type[schemas.Ticket]) -> None:
    """Every example of a model validates against the model."""
    for example in model.model_json_schema()["examples"]:
        model.model_validate(example)


def test_prediction_routes_come_first(openapi: dict[str, Any]) -> None:
    """Routes are in two groups, predictions first; the description has the limits."""
    groups = [tag["name"] for tag in openapi["tags"]]
    assert groups == ["Prediction", "Operation"]
    for path, method, _ in ROUTES:
        (group,) = openapi["paths"][path][method]["tags"]
        assert group == groups[method == "get"]
    assert "1,000 tickets" in openapi["info"]["description"]
