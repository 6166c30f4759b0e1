"""Training: the package that trains, the MLflow server, and the cause of a failure."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidInput, MissingCredential
from stage_ci.rules.one_line import last_line

# A dotted name of a package: https://docs.python.org/3/reference/lexical_analysis.html#identifiers, in ASCII.
_PACKAGE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
# A server over HTTP, without user, query and fragment. A store in a folder or a database would end with the container.
_SERVER: Final = re.compile(r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?")
# MLflow's name for the workspace that DATABRICKS_HOST names.
DATABRICKS: Final = "databricks"
_FLAGS: Final = {"DATABRICKS_HOST": "--databricks-host", "DATABRICKS_TOKEN": "--databricks-token"}
# 128 + SIGKILL, by which the kernel ends a process that is out of memory: https://tldp.org/LDP/abs/html/exitcodes.html
_KILLED: Final = 137
_LIMIT: Final = 300  # characters, about one line


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the source that has a ``train`` module."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the package called ``text``.

        Raises:
            InvalidInput: if ``text`` is not the name of a Python package.
        """
        if not _PACKAGE.fullmatch(text):
            raise InvalidInput(
                f"invalid --package={text[:40]!r}: expected the name of a Python package",
                step="train",
                remedy="give the name of a folder in src/",
            )
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class RunMetadata:
    """The names under which MLflow stores a run and its model.

    Attributes:
        experiment: The experiment of the run; empty for the default of the service.
        registered_model: The registered model to add a version to; empty to register none.
    """

    experiment: str = ""
    registered_model: str = ""

    def flags(self) -> list[str]:
        """Return the flags for the service's logging command."""
        values = {"--experiment": self.experiment, "--registered-model": self.registered_model}
        return [f"{flag}={value}" for flag, value in values.items() if value]

    def raise_if_server_needed(self) -> None:
        """Raise if an experiment or a registered model is given; for a call without an MLflow server.

        Raises:
            InvalidInput: if one is given; names the flags.
        """
        if flags := " and ".join(flag.partition("=")[0] for flag in self.flags()):
            raise InvalidInput(
                f"no MLflow server for {flags}", step="train", remedy="give --tracking-uri or --tracking-service"
            )


def tracking_uri(text: str, variables: Collection[str]) -> str | None:
    """Return the tracking URI for MLflow; None if no server is given.

    Args:
        text: The value of --tracking-uri; empty if it is not given.
        variables: The names of the Databricks variables that are given; they select Databricks if ``text`` is empty.

    Raises:
        InvalidInput: if ``text`` is not an MLflow server, or contains credentials.
        MissingCredential: if Databricks is selected and one of its variables is not given.
    """
    if _SERVER.fullmatch(text):
        return text
    if text == DATABRICKS or (variables and not text):
        if missing := " and ".join(f"{name} ({flag})" for name, flag in _FLAGS.items() if name not in variables):
            raise MissingCredential(f"{missing} missing", step="mlflow", remedy="give both to log to Databricks")
        return DATABRICKS
    if not text:
        return None
    if "@" in text:
        raise InvalidInput("--tracking-uri contains credentials", step="mlflow", remedy="give the URL without them")
    raise InvalidInput(
        f"invalid --tracking-uri={text[:100]!r}: expected databricks or an http(s) URL",
        step="mlflow",
        remedy="give the URL of an MLflow server",
    )


def command_cause(status: int, errors: str) -> str:
    """Return the cause for which a command of the service failed: the last line of its standard error.

    Args:
        status: The exit status.
        errors: The standard error.
    """
    if status == _KILLED:
        return "the command was killed, possibly because it ran out of memory"
    line = last_line(errors).removeprefix("train: ").removeprefix("tracking: ")
    return line[:_LIMIT] or f"the command exited with status {status} and wrote no error"
