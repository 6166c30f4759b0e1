"""Where the service's settings come from."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from callcenterai_svm.settings import Settings


def test_without_environment_the_model_of_the_training_is_served() -> None:
    """Nothing has to be set on a laptop."""
    settings = Settings()
    assert settings.model_uri is None
    assert settings.model_path == Path("model")
    assert settings.tracking_uri is None


def test_env_file_counts() -> None:
    """With the four names that the pipeline writes, and others beside them."""
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


def test_environment_wins_over_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """So one value can be changed for one run."""
    Path(".env").write_text("MODEL_URI=models:/callcenterai-svm/3\n")
    monkeypatch.setenv("MODEL_URI", "models:/callcenterai-svm/4")
    assert Settings().model_uri == "models:/callcenterai-svm/4"


def test_empty_variable_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unset secret of a CI system arrives as one."""
    monkeypatch.setenv("MODEL_URI", "")
    monkeypatch.setenv("DATABRICKS_TOKEN", "")
    assert Settings().model_uri is None


def test_databricks_host_is_a_tracking_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless another one is named."""
    monkeypatch.setenv("DATABRICKS_HOST", "https://adb-1.example")
    assert Settings().tracking_uri == "databricks"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    assert Settings().tracking_uri == "https://mlflow.example"


def test_token_is_in_no_printed_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printed whole or dumped, they show stars."""
    monkeypatch.setenv("DATABRICKS_TOKEN", "canary")
    settings = Settings()
    assert "canary" not in f"{settings} {settings!r} {settings.model_dump_json()}"


def test_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit of nothing would load nothing."""
    monkeypatch.setenv("MODEL_TIMEOUT", "0")
    with pytest.raises(ValidationError, match="model_timeout"):
        Settings()
