"""The arguments of the module: their types, their defaults, and their text in ``--help``.

The constructor's names are chosen with the CLI in mind, which reads a `.env` file: inside the module's folder, a line
`NAME=value` sets the argument of that name. `PORT`, `TOKEN`, `DATABRICKS_TOKEN` and `MODEL_URI` are lines of many an
application's own `.env`, so no argument has a name that one of them would set.
"""

from typing import Annotated, Final

import dagger
from dagger import DefaultPath, Doc, Ignore, Name

# The seed's own service. A sibling service changes settings, not code.
IMAGE: Final = "medhedimaaroufi/callcenterai-svm"
VERSION_LINE: Final = "v1.0"
INFRA_REPO: Final = "MLOps-CallcenterAI/Infrastructure-Configuration"
INFRA_BRANCH: Final = "main"
INFRA_USER: Final = "x-access-token"
INFRA_COMMITTER: Final = "stage-ci <stage-ci@users.noreply.github.com>"
FILENAME: Final = "manifests/default/svm.yaml"
SERVICE_PORT: Final = 8000
SMOKE_REQUEST: Final = "Hardware=my laptop screen stays black and the docking station does not power on"
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


# Arguments of the constructor: the service that is released, and how the outside is reached. A secret or a service has
# no default in Python: the engine takes a default of None for a value that the caller gave, and skips the `.env`.

Image = Annotated[
    str, Doc("Image repository as [registry/]owner/name, without a tag; docker.io if no registry is named.")
]
VersionLine = Annotated[str, Doc("Version line as vMAJOR.MINOR, such as v1.0; a release takes the next third number.")]
InfraRepo = Annotated[
    str,
    Doc("Infrastructure repository: owner/name on GitHub, or an https URL, used as it stands, without credentials."),
]
InfraBranch = Annotated[str, Doc("Branch of the infrastructure repository that holds the deployment manifest.")]
InfraUser = Annotated[
    str, Doc("User name sent with the token: any on GitHub, `oauth2` on GitLab, `x-token-auth` on Bitbucket.")
]
InfraCommitter = Annotated[
    str, Doc("Author and committer of every commit, as NAME <ADDRESS>; the git server may accept only some.")
]
Filename = Annotated[str, Doc("Deployment manifest that names the image, relative to the repository's root.")]
ServicePort = Annotated[int, Doc("TCP port, 1 to 65535, on which the service in the image listens.")]
SmokeRequest = Annotated[
    str,
    Doc("Ticket that the smoke test sends and the topic it must get, as TOPIC=TEXT; TEXT alone accepts any topic."),
]
Username = Annotated[
    dagger.Secret | None,
    Doc("User of the image registry, such as env://DOCKER_USERNAME. With none of the three credentials: a rehearsal."),
]
Password = Annotated[dagger.Secret | None, Doc("That user's password or access token, such as env://DOCKER_PASSWORD.")]
InfraToken = Annotated[
    dagger.Secret | None, Doc("Token that may push to the infrastructure repository, such as env://TOKEN.")
]
RegistryService = Annotated[
    dagger.Service | None,
    Doc("Registry that only your machine can reach, such as tcp://localhost:5055; plain HTTP, credentials optional."),
]
InfraService = Annotated[
    dagger.Service | None,
    Doc("Git server over HTTP that only your machine can reach, such as tcp://localhost:8081; the token is optional."),
]
DatabricksHost = Annotated[
    dagger.Secret | None,
    Doc("DATABRICKS_HOST, such as env://DATABRICKS_HOST, for the unit tests' .env and for MLflow."),
]
DatabricksToken = Annotated[
    dagger.Secret | None,
    Doc("DATABRICKS_TOKEN, such as env://DATABRICKS_TOKEN, for the unit tests' .env and for MLflow."),
]
ModelUri = Annotated[dagger.Secret | None, Doc("MODEL_URI, such as env://MODEL_URI, for the unit tests' .env.")]
ExperimentName = Annotated[
    dagger.Secret | None, Doc("EXPERIMENT_NAME, such as env://EXPERIMENT_NAME, for the unit tests' .env.")
]
RehearsalName = Annotated[
    str,
    Name("rehearsal"),
    Doc(
        "Name of the rehearsal, 1 to 40 lower-case letters, digits and dashes; `default` if empty. Each name has a "
        "state of its own. latest-version and next-version look into a rehearsal only if it is named. Without effect "
        "if credentials are given."
    ),
]
RehearsalSeed = Annotated[
    dagger.Directory,
    DefaultPath("/examples/infra"),
    Doc("Folder that a new rehearsal's infrastructure repository starts with; without effect once it exists."),
]

SourceRevision = Annotated[
    str,
    Doc(
        "Commit of the source and its time, as `git log -1 --format='%H %cI'` prints them. A source older than that of "
        "the version in the manifest is not deployed; without a revision, nobody can tell."
    ),
]

TrivyDb = Annotated[
    list[str] | None,
    Doc(
        "Addresses of Trivy's vulnerability database, tried in order; by default the public mirrors. `registry:PORT/…` "
        "is the registry of --registry-service; `rehearsal` is the sample database, which gives no security verdict."
    ),
]
TrivyJavaDb = Annotated[
    list[str] | None,
    Doc(
        "Addresses of Trivy's Java database, tried in order, which an image with .jar, .war or .ear files needs; by "
        "default the public mirrors. `registry:PORT/…` is the registry of --registry-service."
    ),
]
SigningKey = Annotated[
    dagger.Secret | None,
    Doc(
        "Private key that signs the evidence of a release, such as file://cosign.key, from `cosign generate-key-pair`. "
        "A rehearsal signs with a key of its own."
    ),
]
SigningPassword = Annotated[dagger.Secret | None, Doc("Password of that key, such as env://COSIGN_PASSWORD.")]
PublicKey = Annotated[
    dagger.File | None,
    Doc("Key that the evidence of a version must be signed by, such as cosign.pub; by default the record's."),
]
IdentityToken = Annotated[
    dagger.Secret | None,
    Doc(
        "OpenID Connect token with the audience sigstore, such as env://SIGSTORE_ID_TOKEN, for which Sigstore "
        "certifies who signs the evidence of a release; in place of --signing-key."
    ),
]
CertificateIdentity = Annotated[
    str,
    Doc(
        "Identity that must have signed the evidence of a version without a key, such as the URL of a workflow or an "
        "e-mail address; by default the record's."
    ),
]
CertificateOidcIssuer = Annotated[
    str,
    Doc("Issuer that must vouch for that identity, such as https://token.actions.githubusercontent.com; with it only."),
]
SigstoreTrustConfig = Annotated[
    dagger.File | None,
    Doc("ClientTrustConfig of a private Sigstore instance, as JSON; by default Sigstore's public instance."),
]

# Arguments of functions: what belongs to one call.

Source = Annotated[
    dagger.Directory,
    DefaultPath("/"),
    Ignore(_NOT_UPLOADED),
    Doc(
        "Folder that holds Dockerfile, src/, tests/unit/ and requirements; by default the repository of this module. "
        "Not uploaded: hidden files, keys, caches; at its root also bench, ci, docs, examples, reports and *.md."
    ),
]
Only = Annotated[
    list[str] | None,
    Doc("Tests to run, by folder, module or node id, such as tests/unit/test_x.py::test_y; by default all."),
]
Infra = Annotated[dagger.Directory, Doc("Folder laid out as the infrastructure repository, such as ./examples/infra.")]
AllowDowngrade = Annotated[
    bool,
    Doc("Whether the manifest may move back to an older version, as after a revert; by default a newer one stays."),
]
AllowUnrecorded = Annotated[
    bool,
    Doc("Whether a version without a record may be deployed, such as one published before this pipeline was adopted."),
]
RequireVerified = Annotated[
    bool, Doc("Whether the version's evidence must be complete and signed, as `verify` checks it.")
]
Rebuild = Annotated[bool, Doc("Whether to build the source again and fail if the image differs in a single byte.")]
FailFast = Annotated[
    bool, Doc("Whether the first failure ends the run; by default it is printed at once, and the other steps go on.")
]
ImageVersion = Annotated[str, Doc("Version to name in the manifest, such as v1.0.7; one of the version line.")]
ImageDigest = Annotated[
    str, Doc("Digest of that version as sha256:…; needed where the manifest pins the image by digest.")
]
Data = Annotated[
    dagger.File | None,
    Doc("CSV of labelled tickets, such as ./tickets.csv; by default data/tickets.csv of the source."),
]
Package = Annotated[str, Doc("Package in src/ whose modules `train` and `tracking` train a model and log it.")]
Options = Annotated[
    list[str] | None,
    Doc("Further options for the training, separated by commas, such as --text-column=Body,--seed=7."),
]
TrackingUri = Annotated[
    str,
    Doc("MLflow server, as `databricks` or an http(s) URL; by default Databricks if its host is given, or else none."),
]
TrackingService = Annotated[
    dagger.Service | None,
    Doc("MLflow server that only your machine can reach, such as tcp://localhost:5000; wins over --tracking-uri."),
]
Experiment = Annotated[
    str, Doc("MLflow experiment that a training is logged to; by default the one that its package names.")
]
RegisteredModel = Annotated[
    str, Doc("Registered model that the training becomes a new version of, such as callcenterai-svm.")
]
Model = Annotated[
    str, Doc("Model that the image serves instead of its own, by its MLflow URI, such as models:/callcenterai-svm/3.")
]
Format = Annotated[
    str,
    Doc(
        "`text` for a summary, `json` for one object with image, version, digest, commit, manifest, outcome, revision, "
        "evidence and timeline."
    ),
]
