"""Settings of the service, from the environment and a ``.env`` file."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Digest = Annotated[str, StringConstraints(to_lower=True, pattern="^[0-9A-Fa-f]{64}$")]
"""A SHA-256 in hexadecimal digits, as ``sha256sum`` prints it."""


class Settings(BaseSettings):
    """The settings; each is named like its environment variable, in lower case.

    The environment takes precedence over ``.env`` in the working directory. An empty
    variable counts as unset, because CI systems pass missing secrets as empty variables.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # An error must not repeat the value, which may be a token on the wrong line.
        hide_input_in_errors=True,
    )

    model_uri: str | None = Field(
        default=None,
        description="MLflow URI of the model, such as models:/callcenterai-svm/3; "
        "takes precedence over MODEL_PATH.",
    )
    model_path: Path = Field(
        default=Path("model"),
        description="Folder that the training command has written.",
    )
    model_timeout: PositiveFloat = Field(
        default=10,
        description="Time limit of the first download of MODEL_URI, in seconds; "
        "it doubles with each further attempt.",
    )
    model_allowed_pickles: Annotated[frozenset[Digest], NoDecode] = Field(
        default=frozenset(),
        description="SHA-256 digests of the pickled models that may be loaded, separated by "
        "commas. Loading a pickle runs any code in it.",
    )
    mlflow_tracking_uri: str | None = Field(
        default=None,
        description="URI of the MLflow server; takes precedence over DATABRICKS_HOST.",
    )
    databricks_host: str | None = Field(
        default=None,
        description="URL of the Databricks workspace, such as https://adb-1.example.",
    )
    databricks_token: SecretStr = Field(
        default=SecretStr(""), description="Access token for DATABRICKS_HOST."
    )
    experiment_name: str | None = Field(
        default=None,
        description="MLflow experiment of the model; only shown by GET /.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Lowest level that is logged; requests are logged at info.",
    )

    @field_validator("model_allowed_pickles", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Splits the comma-separated value of the environment variable."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @property
    def tracking_uri(self) -> str | None:
        """MLflow's tracking URI, which is "databricks" for the host DATABRICKS_HOST."""
        if self.mlflow_tracking_uri or not self.databricks_host:
            return self.mlflow_tracking_uri
        return "databricks"
