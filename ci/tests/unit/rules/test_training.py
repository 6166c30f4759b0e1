"""The options of a training, and the cause of a failure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stage_ci.errors import InvalidInput, MissingCredential
from stage_ci.rules.training import Package, RunMetadata, command_cause, tracking_uri

DATABRICKS = ["DATABRICKS_HOST", "DATABRICKS_TOKEN"]
REFUSED = """Loading tickets
train: bad.csv: no column 'Document'; the columns are: text, label
"""
CRASHED = """Traceback (most recent call last):
  File "<frozen runpy>", line 189, in _run_module_as_main
ModuleNotFoundError: No module named 'sklearn'

"""


@pytest.mark.parametrize("text", ["callcenterai_svm", "service", "owner.service", "_a1"])
def test_a_dotted_name_is_a_package(text: str) -> None:
    """A name by which Python can import a package is accepted."""
    assert str(Package.parse(text)) == text


@pytest.mark.parametrize("text", ["", "src/service", "1a", "a-b", "a..b", ".a", "a;b", "a b", "-c", "a\n", "é"])
def test_an_invalid_package_is_rejected(text: str) -> None:
    """A text that is not a package's name never becomes part of a command; the error quotes it."""
    with pytest.raises(InvalidInput) as rejected:
        Package.parse(text)
    assert rejected.value.cause == " ".join(
        f"invalid --package={text!r}: expected the name of a Python package".split()
    )


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
def test_the_server_is_selected_by_uri_or_variables(text: str, variables: list[str], uri: str | None) -> None:
    """The given URI wins; without one, the variables of Databricks select Databricks."""
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
    """Databricks without one of its two variables is an error that names the variable and its flag."""
    with pytest.raises(MissingCredential, match=rf"^mlflow: {missing} missing; "):
        tracking_uri(text, variables)


@pytest.mark.parametrize(
    "text", ["mlruns", "file:///tmp/x", "sqlite:///x.db", "localhost:5000", "http://", "https://a b"]
)
def test_an_invalid_tracking_uri_is_rejected(text: str) -> None:
    """A folder, a database or an incomplete URL is an error that quotes it."""
    with pytest.raises(InvalidInput) as rejected:
        tracking_uri(text, [])
    assert rejected.value.cause == f"invalid --tracking-uri={text!r}: expected databricks or an http(s) URL"


@pytest.mark.fault(36)
def test_a_tracking_uri_with_credentials_is_rejected_without_quoting_it() -> None:
    """The error about credentials in a URI does not contain them."""
    with pytest.raises(InvalidInput, match="--tracking-uri contains credentials") as rejected:
        tracking_uri("https://someone:canary@mlflow.example", [])
    assert "canary" not in str(rejected.value)


def test_metadata_becomes_one_argument_for_each_name() -> None:
    """Flag and value form one argument, so a value may start with a dash; an empty name has no argument."""
    assert RunMetadata("tickets", "-svm").flags() == ["--experiment=tickets", "--registered-model=-svm"]
    assert RunMetadata().flags() == []


def test_metadata_needs_a_server() -> None:
    """An experiment or a registered model without an MLflow server is an error that names the flags."""
    RunMetadata().raise_if_server_needed()
    with pytest.raises(InvalidInput, match=r"^train: no MLflow server for --experiment and --registered-model; "):
        RunMetadata("tickets", "svm").raise_if_server_needed()


@pytest.mark.parametrize(
    ("status", "errors", "cause"),
    [
        (1, REFUSED, "bad.csv: no column 'Document'; the columns are: text, label"),
        (1, CRASHED, "ModuleNotFoundError: No module named 'sklearn'"),
        (1, "tracking: no answer within 30 s\n", "no answer within 30 s"),
        (3, "", "the command exited with status 3 and wrote no error"),
        (137, "epoch 3 of 9\n", "the command was killed, possibly because it ran out of memory"),
    ],
)
def test_the_cause_of_a_failed_command_is_its_last_line(status: int, errors: str, cause: str) -> None:
    """The cause is the last line of standard error without its prefix, or the status if there is no such line."""
    assert command_cause(status, errors) == cause


@given(st.integers(1, 255), st.text())
def test_a_cause_is_never_empty_and_never_long(status: int, errors: str) -> None:
    """Any status and any standard error yield a cause of 1 to 300 characters."""
    assert 0 < len(command_cause(status, errors)) <= 300
