"""The arguments that functions share: their types, their defaults, and what ``--help`` says of them."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import dagger
from dagger import DefaultPath, Doc, Ignore

F = TypeVar("F", bound=Callable[..., Any])


def never_cached(function: F) -> F:
    """Expose a function that looks at or changes the outside: a result from the cache would be a lie."""
    exposed: F = dagger.function(cache="never")(function)  # type: ignore[call-overload] # the SDK's overloads lack it
    return exposed


# The seed's own service. A sibling gives arguments, not code.
IMAGE: Final = "medhedimaaroufi/callcenterai-svm"
VERSION_LINE: Final = "v1.0"
INFRA_REPO: Final = "MLOps-CallcenterAI/Infrastructure-Configuration"
INFRA_BRANCH: Final = "main"
FILENAME: Final = "manifests/default/svm.yaml"
REHEARSAL: Final = "default"
PORT: Final = 8000
SAMPLE: Final = "Hardware=my laptop screen stays black and the docking station does not power on"
PACKAGE: Final = "callcenterai_svm"

# What never leaves the caller's machine. Hidden files hold credentials and caches (.env, .git, .aws, .dvc, .venv);
# those that configure a check, the scan or the build come back by name. What else lies in this repository goes as well.
_NOT_UPLOADED: Final = [
    "**/.*",
    "!**/.dockerignore",
    "!**/.flake8",
    "!**/.isort.cfg",
    "!**/.coveragerc",
    "!.trivyignore",
    "!.trivyignore.y*ml",
    "!.openvex.json",
    "**/*.pem",
    "**/*.key",
    "**/*.p12",
    "**/*.pfx",
    "**/id_dsa*",
    "**/id_ecdsa*",
    "**/id_ed25519*",
    "**/id_rsa*",
    "**/__pycache__",
    "**/node_modules",
    "**/venv",
    "bench",
    "ci",
    "docs",
    "examples",
    "mlruns",
    "reports",
    "*.md",
    "LICENSE",
    "Makefile",
    "dagger.json",
]

Source = Annotated[
    dagger.Directory,
    DefaultPath("/"),
    Ignore(_NOT_UPLOADED),
    Doc(
        "Folder that holds Dockerfile, src/, tests/unit/ and requirements; by default the repository of this module. "
        "Not uploaded: hidden files, keys, caches; at its root also bench, ci, docs, examples, reports and *.md."
    ),
]
Seed = Annotated[
    dagger.Directory,
    DefaultPath("/examples/infra"),
    Doc("Files a new rehearsal's infrastructure repository starts with; without effect once it exists."),
]
Infra = Annotated[dagger.Directory, Doc("Folder laid out as the infrastructure repository, such as ./examples/infra.")]
Image = Annotated[
    str, Doc("Image repository as [registry/]owner/name, without tag; docker.io if no registry is named.")
]
Line = Annotated[str, Doc("Line of versions as vMAJOR.MINOR; the stage counts the third number up from 1.")]
InfraRepo = Annotated[str, Doc("Infrastructure repository: owner/name on GitHub, or an https URL without credentials.")]
InfraBranch = Annotated[str, Doc("Branch of the infrastructure repository that the manifest is committed to.")]
File = Annotated[str, Doc("Manifest in the infrastructure repository that names the image, relative to its root.")]
AllowDowngrade = Annotated[
    bool,
    Doc("Whether the manifest may go back to an older version, as after a revert; by default a newer one stays."),
]
ImageVersion = Annotated[str, Doc("Version to name in the manifest, such as v1.0.7; one of the version line.")]
ImageDigest = Annotated[
    str,
    Doc("Digest of that version as sha256:…; needed where the manifest pins the image by digest."),
]
Username = Annotated[
    dagger.Secret | None,
    Doc("User of the image registry, such as env://DOCKER_USERNAME. With none of the three credentials: a rehearsal."),
]
Password = Annotated[dagger.Secret | None, Doc("That user's password or access token, such as env://DOCKER_PASSWORD.")]
Token = Annotated[
    dagger.Secret | None,
    Doc("Token that may push to the infrastructure repository, such as env://TOKEN."),
]
RegistryService = Annotated[
    dagger.Service | None,
    Doc("Registry that only your machine can see, such as tcp://localhost:5055; plain HTTP, credentials optional."),
]
InfraService = Annotated[
    dagger.Service | None,
    Doc("Git server over HTTP that only your machine can see, such as tcp://localhost:8081; the token is optional."),
]
Databases = Annotated[
    list[str] | None,
    Doc(
        "Addresses of Trivy's vulnerability database, asked in order; by default the public mirrors. `registry:PORT/…` "
        "is the registry given as a service; `rehearsal` is the authored database, with which a scan is no verdict."
    ),
]
RehearsalName = Annotated[
    str, Doc("Name of the rehearsal, which keeps its state apart from others; without effect if credentials are given.")
]
LookIntoRehearsal = Annotated[
    str | None,
    Doc("Name of a rehearsal to look into instead of the real registry and repository."),
]
Port = Annotated[int, Doc("TCP port on which the service in the image listens.")]
Sample = Annotated[
    str,
    Doc(
        "Ticket that the started image is asked for and the topic it must get, as TOPIC=TEXT; TEXT alone for any topic."
    ),
]
Data = Annotated[
    dagger.File | None,
    Doc("CSV of labelled tickets, such as ./tickets.csv; by default data/tickets.csv of the source."),
]
Package = Annotated[str, Doc("Package in src/ whose modules `train` and `tracking` train a model and log it.")]
Options = Annotated[
    list[str] | None,
    Doc("Further options for the training, with commas between them, such as --text-column=Body,--seed=7."),
]
TrackingUri = Annotated[
    str,
    Doc("MLflow server, as `databricks` or an http(s) URL; by default Databricks if its host is given, or else none."),
]
TrackingService = Annotated[
    dagger.Service | None,
    Doc("MLflow server that only your machine can see, such as tcp://localhost:5000; wins over --tracking-uri."),
]
Experiment = Annotated[
    str, Doc("MLflow experiment that a training is logged to; by default the one its package names.")
]
Register = Annotated[
    str, Doc("Name of the registered model that a training becomes a new version of, such as callcenterai-svm.")
]
Model = Annotated[
    str, Doc("Model that the image serves in place of its own, by its MLflow URI, such as models:/callcenterai-svm/3.")
]
DatabricksHost = Annotated[
    dagger.Secret | None,
    Doc("DATABRICKS_HOST, such as env://DATABRICKS_HOST, for the unit tests' .env and for MLflow."),
]
DatabricksToken = Annotated[
    dagger.Secret | None,
    Doc("DATABRICKS_TOKEN, such as env://DATABRICKS_TOKEN, for the unit tests' .env and for MLflow."),
]
ModelUri = Annotated[dagger.Secret | None, Doc("MODEL_URI for the unit tests' .env.")]
ExperimentName = Annotated[dagger.Secret | None, Doc("EXPERIMENT_NAME for the unit tests' .env.")]
Format = Annotated[
    str, Doc("`text` for a summary, `json` for one object with image, version, digest, commit, manifest, outcome.")
]
