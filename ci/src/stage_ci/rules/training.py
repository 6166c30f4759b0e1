"""What a training is asked for, and why one failed."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Self

from stage_ci.errors import InvalidInput, MissingCredential
from stage_ci.rules.build_failure import last_line

# A dotted name of a package: https://docs.python.org/3/reference/lexical_analysis.html#identifiers, in ASCII.
_PACKAGE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
# A server over HTTP, without user, query and fragment. MLflow's own store in a folder or a database would end with the
# container.
_SERVER: Final = re.compile(r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?")
# MLflow's name for the workspace that DATABRICKS_HOST names.
DATABRICKS: Final = "databricks"
_FLAGS: Final = {"DATABRICKS_HOST": "--databricks-host", "DATABRICKS_TOKEN": "--databricks-token"}
# What 128 + SIGKILL stands for in a container: https://tldp.org/LDP/abs/html/exitcodes.html
_KILLED: Final = 137
_LIMIT: Final = 300  # characters: one line a person reads


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the source that knows how to train."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the package called ``text``.

        Raises:
            InvalidInput: if it is no name of a Python package.
        """
        if not _PACKAGE.fullmatch(text):
            raise InvalidInput(
                f"--package={text[:40]!r} is no Python package",
                step="train",
                remedy="give the name of a folder in src/",
            )
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Record:
    """How MLflow is to keep a model.

    Attributes:
        experiment: The experiment of its run; empty for the training's own.
        name: The registered model that it becomes a version of; empty if it is not registered.
    """

    experiment: str = ""
    name: str = ""

    def flags(self) -> list[str]:
        """Return what a service's logging command is told."""
        given = {"--experiment": self.experiment, "--registered-model": self.name}
        return [f"{flag}={value}" for flag, value in given.items() if value]

    def require_server(self) -> None:
        """Do nothing if nothing was asked for that takes a server.

        Raises:
            InvalidInput: if it was; names the flags.
        """
        if flags := " and ".join(flag.partition("=")[0] for flag in self.flags()):
            raise InvalidInput(
                f"{flags} without an MLflow server", step="train", remedy="give --tracking-uri or --tracking-service"
            )


def tracking_uri(text: str, variables: Collection[str]) -> str | None:
    """Return MLflow's address of the server that was asked for; None if none was.

    Args:
        text: What the caller gave, empty if nothing.
        variables: The names of Databricks' variables that were given: that workspace serves if nothing else does.

    Raises:
        InvalidInput: if it is no server, or holds credentials.
        MissingCredential: if Databricks was asked for without one of its variables.
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
        raise InvalidInput("--tracking-uri holds credentials", step="mlflow", remedy="give the address without them")
    raise InvalidInput(
        f"--tracking-uri={text[:100]!r} is no MLflow server", step="mlflow", remedy="give databricks or an http(s) URL"
    )


def command_cause(status: int, errors: str) -> str:
    """Return why a service's own command failed: its last line, which says so by convention.

    Args:
        status: Its exit status.
        errors: What it wrote to standard error.
    """
    if status == _KILLED:
        return "it was killed, as for want of memory"
    line = last_line(errors).removeprefix("train: ").removeprefix("tracking: ")
    return line[:_LIMIT] or f"it ended with status {status} and said nothing"
