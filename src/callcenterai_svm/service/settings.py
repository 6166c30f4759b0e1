"""What the environment may say to the service; a ``.env`` file in the folder counts too."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Digest = Annotated[str, StringConstraints(to_lower=True, pattern="^[0-9A-Fa-f]{64}$")]
"""A SHA-256 in hexadecimal digits, as ``sha256sum`` prints it."""


class Settings(BaseSettings):
    """Settings by the names of their environment variables, in lower case.

    A variable of the environment wins over the same one in ``.env``. An empty one counts
    as not given, because that is what an unset secret of a CI system looks like.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # A refusal must not repeat the value: it may be a token on the wrong line.
        hide_input_in_errors=True,
    )

    model_uri: str | None = Field(
        default=None,
        description="MLflow's URI of a model, such as models:/callcenterai-svm/3; "
        "wins over MODEL_PATH.",
    )
    model_path: Path = Field(
        default=Path("model"),
        description="Folder that the training command wrote.",
    )
    model_timeout: PositiveFloat = Field(
        default=10,
        description="Seconds for the first attempt to fetch MODEL_URI; "
        "each further attempt has twice the time of the one before.",
    )
    model_allowed_pickles: Annotated[frozenset[Digest], NoDecode] = Field(
        default=frozenset(),
        description="SHA-256 digests, with commas between them, of the pickled models that "
        "may be loaded; any other is refused. Loading a pickle runs what is in it.",
    )
    mlflow_tracking_uri: str | None = Field(
        default=None,
        description="MLflow server; without one, DATABRICKS_HOST if that is given.",
    )
    databricks_host: str | None = Field(
        default=None, description="Databricks workspace, such as https://adb-1.example."
    )
    databricks_token: SecretStr = Field(
        default=SecretStr(""), description="Token for DATABRICKS_HOST."
    )
    experiment_name: str | None = Field(
        default=None,
        description="MLflow experiment of the model; shown by the service, never looked up.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="The least that is logged; from warning on, no line for each request.",
    )

    @field_validator("model_allowed_pickles", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Takes "a, b" as an environment variable writes several."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @property
    def tracking_uri(self) -> str | None:
        """MLflow's server; "databricks" is MLflow's name for DATABRICKS_HOST."""
        if self.mlflow_tracking_uri or not self.databricks_host:
            return self.mlflow_tracking_uri
        return "databricks"
