"""What /openapi.json promises."""

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
    """The whole document."""
    document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def resolved(openapi: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference stands for."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = openapi["components"]["schemas"].get(name, schema)
    return found


def test_no_route_is_missing(openapi: dict[str, Any]) -> None:
    """And none is told that is not there."""
    told = [
        (path, method) for path, item in openapi["paths"].items() for method in item
    ]
    assert told == [(path, method) for path, method, _ in ROUTES]


@pytest.mark.parametrize(("path", "method", "statuses"), ROUTES)
def test_every_answer_has_a_description_and_an_example(
    openapi: dict[str, Any], path: str, method: str, statuses: set[str]
) -> None:
    """Refusals included."""
    operation = openapi["paths"][path][method]
    assert operation["description"]
    assert set(operation["responses"]) == statuses
    for status, response in operation["responses"].items():
        ((_, content),) = response["content"].items()
        schema = resolved(openapi, content.get("schema", {}))
        options = [resolved(openapi, each) for each in schema.get("anyOf", [schema])]
        examples = [content.get("example"), *(e.get("examples") for e in options)]
        assert any(examples), (path, status)
        assert response["description"]


@pytest.mark.parametrize(
    ("path", "model"), [("/predict", "Tickets"), ("/predict_one", "Ticket")]
)
def test_examples_of_requests_are_answered(
    client: TestClient, openapi: dict[str, Any], path: str, model: str
) -> None:
    """They can be tried out as they stand; limits are part of the schema."""
    body = openapi["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": f"#/components/schemas/{model}"}
    schema = resolved(openapi, body["schema"])
    for example in schema["examples"]:
        assert client.post(path, json=example).status_code == 200
    text = schema["properties"]["text"]
    assert "maxLength" in text or "maxItems" in text


@pytest.mark.parametrize(
    "model",
    [schemas.Ticket, schemas.Tickets, schemas.Prediction, schemas.Predictions],
)
def test_examples_fit_their_models(model: type[schemas.Ticket]) -> None:
    """So that nobody builds on a wrong one."""
    for example in model.model_json_schema()["examples"]:
        model.model_validate(example)


def test_page_begins_with_what_people_come_for(openapi: dict[str, Any]) -> None:
    """Routes are told in groups, predictions first; the limits stand above."""
    groups = [tag["name"] for tag in openapi["tags"]]
    assert groups == ["Prediction", "Operation"]
    for path, method, _ in ROUTES:
        (group,) = openapi["paths"][path][method]["tags"]
        assert group == groups[method == "get"]
    assert "1,000 tickets" in openapi["info"]["description"]
