"""What a training is asked for, and why one failed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput, MissingCredential
from stage_ci.rules.training import Package, Record, command_cause, tracking_uri

DATABRICKS = ["DATABRICKS_HOST", "DATABRICKS_TOKEN"]
REFUSED = """Loading tickets
train: bad.csv: no column 'Document'; the columns are: text, label
"""
CRASHED = """Traceback (most recent call last):
  File "<frozen runpy>", line 189, in _run_module_as_main
ModuleNotFoundError: No module named 'sklearn'

"""


@pytest.mark.parametrize("text", ["callcenterai_svm", "service", "owner.service", "_a1"])
def test_a_package_is_a_dotted_name(text: str) -> None:
    """As it is imported."""
    assert str(Package.parse(text)) == text


@pytest.mark.parametrize("text", ["", "src/service", "1a", "a-b", "a..b", ".a", "a;b", "a b", "-c", "a\n", "é"])
def test_what_is_no_package_is_refused(text: str) -> None:
    """It becomes part of a command."""
    with pytest.raises(InvalidInput, match=r"^train: --package=.* is no Python package; "):
        Package.parse(text)


@pytest.mark.parametrize(
    ("text", "variables", "uri"),
    [
        ("", [], None),
        ("", DATABRICKS, "databricks"),
        ("databricks", DATABRICKS, "databricks"),
        ("https://mlflow.example", DATABRICKS, "https://mlflow.example"),
        ("http://mlflow.example:5000/team/a", [], "http://mlflow.example:5000/team/a"),
    ],
)
def test_a_server_is_the_one_that_is_named(text: str, variables: list[str], uri: str | None) -> None:
    """Databricks serves where its variables are given and no other is named."""
    assert tracking_uri(text, variables) == uri


@pytest.mark.parametrize(
    ("text", "variables", "missing"),
    [
        ("", DATABRICKS[:1], r"DATABRICKS_TOKEN \(--databricks-token\)"),
        ("", DATABRICKS[1:], r"DATABRICKS_HOST \(--databricks-host\)"),
        ("databricks", [], r"DATABRICKS_HOST \(--databricks-host\) and DATABRICKS_TOKEN \(--databricks-token\)"),
    ],
)
def test_databricks_needs_its_host_and_its_token(text: str, variables: list[str], missing: str) -> None:
    """One alone would log nothing, and nobody would notice."""
    with pytest.raises(MissingCredential, match=rf"^mlflow: {missing} missing; "):
        tracking_uri(text, variables)


@pytest.mark.parametrize(
    "text", ["mlruns", "file:///tmp/x", "sqlite:///x.db", "localhost:5000", "http://", "https://a b"]
)
def test_what_is_no_server_is_refused(text: str) -> None:
    """A folder or a database of the container would be gone with it."""
    with pytest.raises(InvalidInput, match=r"^mlflow: --tracking-uri=.* is no MLflow server; "):
        tracking_uri(text, [])


@pytest.mark.fault(36)
def test_an_address_with_credentials_is_refused_without_repeating_them() -> None:
    """What is passed as plain text is shown in logs and traces."""
    with pytest.raises(InvalidInput, match="--tracking-uri holds credentials") as refused:
        tracking_uri("https://someone:canary@mlflow.example", [])
    assert "canary" not in str(refused.value)


def test_a_record_is_told_by_the_flags_that_were_given() -> None:
    """One argument each, so that a value that begins with a dash is no flag."""
    assert Record("tickets", "-svm").flags() == ["--experiment=tickets", "--registered-model=-svm"]
    assert Record().flags() == []


def test_a_record_without_a_server_is_refused() -> None:
    """Whoever wants a model registered must not believe that it was."""
    Record().require_server()
    with pytest.raises(InvalidInput, match=r"^train: --experiment and --registered-model without an MLflow server; "):
        Record("tickets", "svm").require_server()


@pytest.mark.parametrize(
    ("status", "errors", "cause"),
    [
        (1, REFUSED, "bad.csv: no column 'Document'; the columns are: text, label"),
        (1, CRASHED, "ModuleNotFoundError: No module named 'sklearn'"),
        (1, "tracking: no answer within 30 s\n", "no answer within 30 s"),
        (3, "", "it ended with status 3 and said nothing"),
        (137, "epoch 3 of 9\n", "it was killed, as for want of memory"),
    ],
)
def test_a_command_that_failed_is_told_by_its_last_line(status: int, errors: str, cause: str) -> None:
    """Which names the file, the column or the server, as the command has it."""
    assert command_cause(status, errors) == cause


@given(st.integers(1, 255), st.text())
def test_a_cause_is_never_empty_and_never_long(status: int, errors: str) -> None:
    """Whatever a command writes."""
    assert 0 < len(command_cause(status, errors)) <= 300
