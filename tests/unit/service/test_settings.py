"""Where the service's settings come from."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from callcenterai_svm.service.app import create_app
from callcenterai_svm.service.settings import Settings


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


def test_allowed_pickles_are_digests_with_commas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Blanks and capitals do not matter, and without any no pickle is allowed."""
    assert Settings().model_allowed_pickles == frozenset()
    monkeypatch.setenv("MODEL_ALLOWED_PICKLES", f"{'A' * 64}, {'b' * 64},")
    assert Settings().model_allowed_pickles == {"a" * 64, "b" * 64}


@pytest.mark.parametrize("value", ["*", "a" * 63, f"{'a' * 64} {'b' * 64}"])
def test_allowed_pickle_is_no_pattern(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Only a whole digest says which file may run."""
    monkeypatch.setenv("MODEL_ALLOWED_PICKLES", value)
    with pytest.raises(ValidationError, match="model_allowed_pickles"):
        Settings()


def test_every_setting_says_what_it_is() -> None:
    """In a sentence."""
    for name, field in Settings.model_fields.items():
        assert (field.description or "").endswith("."), name


def test_refused_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a secret on the wrong line."""
    monkeypatch.setenv("LOG_LEVEL", "canary")
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "canary" not in str(refused.value)


def test_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit of nothing would load nothing."""
    monkeypatch.setenv("MODEL_TIMEOUT", "0")
    with pytest.raises(ValidationError, match="model_timeout"):
        Settings()


def test_service_with_a_wrong_setting_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the name that a person has written."""
    monkeypatch.setenv("MODEL_TIMEOUT", "soon")
    monkeypatch.setenv("MODEL_ALLOWED_PICKLES", "canary")
    with pytest.raises(SystemExit) as ended:
        create_app()
    assert str(ended.value) == (
        "settings: MODEL_TIMEOUT: Input should be a valid number, unable to parse "
        "string as a number; MODEL_ALLOWED_PICKLES: String should match pattern "
        "'^[0-9A-Fa-f]{64}$'"
    )
