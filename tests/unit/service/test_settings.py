"""The settings: sources, precedence and validation."""

from pathlib import Path

import pytest
from conftest import VARIABLES
from pydantic import ValidationError

from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.settings import Settings


def test_defaults_use_the_output_folder_of_the_training() -> None:
    """Without any setting, the service loads the folder ``model``."""
    settings = Settings()
    assert settings.model_uri is None
    assert settings.model_path == Path("model")
    assert settings.tracking_uri is None


def test_env_file_is_read() -> None:
    """A .env file sets the four variables that the pipeline writes; others are ignored."""
    Path(".env").write_text(
        "DATABRICKS_HOST=https://adb-1.example\n"
        "DATABRICKS_TOKEN='se cret'\n"
        "MODEL_URI=models:/callcenterai-svm/3\n"
        "EXPERIMENT_NAME=/Shared/svm\n"
        "SOMETHING_ELSE=1\n"
    )
    settings = Settings()
    assert settings.databricks_host == "https://adb-1.example"
    assert settings.databricks_token.get_secret_value() == "se cret"
    assert settings.model_uri == "models:/callcenterai-svm/3"
    assert settings.experiment_name == "/Shared/svm"


def test_environment_takes_precedence_over_env_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A variable of the environment overrides the one in the .env file."""
    Path(".env").write_text("MODEL_URI=models:/callcenterai-svm/3\n")
    monkeypatch.setenv("MODEL_URI", "models:/callcenterai-svm/4")
    assert Settings().model_uri == "models:/callcenterai-svm/4"


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as CI systems pass for a missing secret, counts as unset."""
    monkeypatch.setenv("MODEL_URI", "")
    monkeypatch.setenv("DATABRICKS_TOKEN", "")
    assert Settings().model_uri is None


def test_databricks_host_sets_the_tracking_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    """DATABRICKS_HOST sets the tracking URI unless MLFLOW_TRACKING_URI is set."""
    monkeypatch.setenv("DATABRICKS_HOST", "https://adb-1.example")
    assert Settings().tracking_uri == "databricks"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    assert Settings().tracking_uri == "https://mlflow.example"


def test_token_is_masked_in_printed_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing or dumping the settings does not reveal the token."""
    monkeypatch.setenv("DATABRICKS_TOKEN", "canary")
    settings = Settings()
    assert "canary" not in f"{settings} {settings!r} {settings.model_dump_json()}"


def test_allowed_pickles_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Digests may have spaces and capitals; by default no pickle is allowed."""
    assert Settings().model_allowed_pickles == frozenset()
    monkeypatch.setenv("MODEL_ALLOWED_PICKLES", f"{'A' * 64}, {'b' * 64},")
    assert Settings().model_allowed_pickles == {"a" * 64, "b" * 64}


@pytest.mark.parametrize("value", ["*", "a" * 63, f"{'a' * 64} {'b' * 64}"])
def test_allowed_pickles_must_be_whole_digests(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Patterns and partial digests are rejected."""
    monkeypatch.setenv("MODEL_ALLOWED_PICKLES", value)
    with pytest.raises(ValidationError, match="model_allowed_pickles"):
        Settings()


def test_tests_hide_every_variable_of_the_machine() -> None:
    """The variables that no test sees are those of the settings."""
    assert VARIABLES == tuple(sorted(map(str.upper, Settings.model_fields)))


def test_every_setting_has_a_description() -> None:
    """Every setting has a description that ends with a period."""
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_invalid_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A validation error does not repeat the value, which may be a secret."""
    monkeypatch.setenv("LOG_LEVEL", "canary")
    with pytest.raises(ValidationError) as raised:
        Settings()
    assert "canary" not in str(raised.value)


def test_invalid_value_is_rejected_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit of 0 is rejected with the name of the setting."""
    monkeypatch.setenv("MODEL_TIMEOUT", "0")
    with pytest.raises(ValidationError, match="model_timeout"):
        Settings()


def test_invalid_settings_stop_the_service_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service exits with one line that lists the invalid environment variables."""
    monkeypatch.setenv("MODEL_TIMEOUT", "soon")
    monkeypatch.setenv("MODEL_ALLOWED_PICKLES", "canary")
    with pytest.raises(SystemExit) as exited:
        create_app()
    assert str(exited.value) == (
        "settings: MODEL_TIMEOUT: Input should be a valid number, unable to parse "
        "string as a number; MODEL_ALLOWED_PICKLES: String should match pattern "
        "'^[0-9A-Fa-f]{64}$'"
    )
