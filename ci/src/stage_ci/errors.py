"""Every way the pipeline says no, one class per cause.

::

    StageError                          what a user of the pipeline sees: step, cause, remedy, in one line
    ├── MultipleFailures                several steps failed: a line for each
    ├── InvalidInput                    an argument or a file of the source cannot be used as given
    │   ├── InvalidVersion
    │   ├── InvalidReference
    │   ├── InvalidDigest
    │   ├── InvalidFilename
    │   ├── InvalidWaiver               a list of waived findings that cannot be used as it is
    │   ├── InvalidVex
    │   └── MissingCredential
    ├── NothingToCheck                  no file linted, no test collected, no package scanned
    ├── LintFailed
    ├── TestsFailed
    ├── EngineError                     the engine could not do a step's own work: image, package, network
    ├── BuildFailed
    ├── SmokeFailed
    ├── TrainingFailed
    ├── TrackingFailed                  the model was trained, and MLflow did not take it
    ├── VulnerableImage                 the scanner ran and found what forbids a release
    ├── WaiverExpired                   it found what somebody had answered for until a day that is over
    ├── SecretInImage                   a layer of the image holds a key or a token
    ├── ScannerUnavailable              the scanner could not run: no verdict either way
    ├── RegistryError
    │   ├── RegistryAccessDenied        401, 403: no retry can mend it
    │   ├── RegistryUnavailable         unreachable, overloaded or talking nonsense, after bounded retries
    │   └── DigestMismatch              the registry holds other bytes than were pushed
    ├── InfrastructureError
    │   ├── InfrastructureAccessDenied  credentials, protected branch, missing repository or branch
    │   ├── InfrastructureUnavailable
    │   └── InfrastructureConflict      every retry met another writer
    └── ManifestError
        ├── ManifestMissing             not there, or not a regular UTF-8 file
        ├── InvalidManifest             template, duplicate key, invalid or oversized YAML
        ├── InvalidMarker               a marker comment that says nothing known, or stands at no reference
        └── ImageNotInManifest          no reference to the image
"""


class StageError(Exception):
    """An expected failure, told as step, cause and remedy.

    Args:
        cause: What happened, naming the input or the part; one line, no final full stop.
        remedy: What the reader can do; replaces the class's own remedy.
        step: The step that failed; replaces the class's own step.
    """

    step = "stage"
    remedy = "call the failing function alone to see its part"

    def __init__(self, cause: str, *, remedy: str | None = None, step: str | None = None) -> None:
        self.cause = " ".join(cause.split())
        self.remedy = self.remedy if remedy is None else remedy
        self.step = self.step if step is None else step
        super().__init__(f"{self.step}: {self.cause}; {self.remedy}")


class MultipleFailures(StageError):
    """More than one step failed: a line for each."""

    def __init__(self, failures: list[StageError]) -> None:
        self.failures = failures
        super().__init__("several steps failed")
        self.args = ("\n".join(map(str, failures)),)


class InvalidInput(StageError):
    """An argument or a file of the source cannot be used as given."""

    step = "input"
    remedy = "correct it and call again"


class InvalidVersion(InvalidInput):
    """Text that is no version of the line."""

    remedy = "give a version of the line, such as v1.0.7"


class InvalidReference(InvalidInput):
    """Text that is no image reference."""

    remedy = "give an image as [registry/]name, such as docker.io/owner/service"


class InvalidDigest(InvalidInput):
    """Text that is no content digest."""

    remedy = "give a digest as sha256: and 64 hexadecimal digits"


class InvalidFilename(InvalidInput):
    """A path that leaves the infrastructure repository or cannot name a file in it."""

    remedy = "give the manifest's path relative to the repository's root, such as manifests/default/svm.yaml"


class InvalidWaiver(InvalidInput):
    """A list of waived findings that cannot be used, or an entry without an owner or a day on which it ends."""

    step = "scan"
    remedy = "give each entry id, owner and expired_at as a day, such as 2026-12-31"


class InvalidVex(InvalidInput):
    """A document on the image's vulnerabilities that is no OpenVEX, or does not say who says so and why."""

    step = "scan"
    remedy = "write an OpenVEX document with an author, and a justification for each not_affected"


class MissingCredential(InvalidInput):
    """Some credentials were given and others were not."""

    step = "credentials"
    remedy = "give all of them to release, or none to rehearse"


class NothingToCheck(StageError):
    """A check that had nothing to look at: a failure, never a pass."""

    step = "check"
    remedy = "check that --source is the folder that holds src/ and tests/unit/"


class LintFailed(StageError):
    """At least one of black, flake8 and isort has findings."""

    step = "lint"
    remedy = "run `dagger call format` to apply black and isort, and mend what flake8 names"


class TestsFailed(StageError):
    """At least one unit test failed, or the test run itself broke or hung."""

    step = "test"
    remedy = "run `dagger call reports export --path=reports` for the JUnit and coverage files"
    __test__ = False  # not a test class, whatever pytest reads in its name


class EngineError(StageError):
    """The engine could not do a step's own work: pull an image, install a tool, start a service."""

    remedy = "check the network and the package index, then run again"


class BuildFailed(StageError):
    """The image could not be built from the Dockerfile."""

    step = "build"
    remedy = "run `dagger call build` to see the build alone"


class SmokeFailed(StageError):
    """The built image does not start, is not ready, or answers wrongly."""

    step = "smoke"
    remedy = "run `dagger call build as-service --use-entrypoint up` and ask it by hand"


class TrainingFailed(StageError):
    """The service's training refused its data, broke, or left no model."""

    step = "train"
    remedy = "mend what it names; `dagger call train -vvv` shows all that it wrote"


class TrackingFailed(StageError):
    """The model was trained, but the MLflow server did not take it."""

    step = "mlflow"
    remedy = "check the server and call again: the training is kept, and not made twice"


class VulnerableImage(StageError):
    """The scanner found a critical vulnerability that has a fix."""

    step = "scan"
    remedy = "raise the package to its fixed version; `dagger call scan` lists all"


class WaiverExpired(StageError):
    """A critical vulnerability that somebody had answered for until a day that is over."""

    step = "scan"
    remedy = "raise the package and remove the entry, or let its owner give a new day in .trivyignore.yaml"


class SecretInImage(StageError):
    """A layer or the configuration of the image holds a private key or a token."""

    step = "secrets"
    remedy = "revoke it and build the image without it; `dagger call secrets` lists all"


class ScannerUnavailable(StageError):
    """The scanner could not run: database, network or a crash. Neither a pass nor a finding."""

    step = "scan"
    remedy = "give a reachable vulnerability database with --trivy-db"


class RegistryError(StageError):
    """Something between the pipeline and the registry."""

    step = "registry"


class RegistryAccessDenied(RegistryError):
    """The registry knows the caller too little: 401 or 403."""

    remedy = "check the user name, the password and what they may do in this repository"


class RegistryUnavailable(RegistryError):
    """The registry cannot be reached or gives no usable answer, after bounded retries."""

    remedy = "check the registry's address and state, then run again"


class DigestMismatch(RegistryError):
    """The registry reports another digest than the archive's."""

    step = "publish"
    remedy = "nothing was deployed; find out who writes to this tag before running again"


class InfrastructureError(StageError):
    """Something between the pipeline and the infrastructure repository."""

    step = "deploy"


class InfrastructureAccessDenied(InfrastructureError):
    """Bad token, protected branch, missing repository or branch: no retry can mend it."""

    remedy = "check the token, the repository's name and the branch's protection"


class InfrastructureUnavailable(InfrastructureError):
    """The git server does not answer in time, or breaks off."""

    remedy = "run again: the release continues where it stopped"


class InfrastructureConflict(InfrastructureError):
    """Other writers won every race within the bound."""

    remedy = "run again: the release continues where it stopped"


class ManifestError(StageError):
    """The manifest cannot be edited."""

    step = "manifest"


class ManifestMissing(ManifestError):
    """The manifest is absent, a folder, a link or no UTF-8 text."""

    remedy = "check --filename against the infrastructure repository"


class InvalidManifest(ManifestError):
    """A template, a duplicate key, invalid YAML, or more than the pipeline reads."""

    remedy = "correct the manifest in the infrastructure repository"


class InvalidMarker(ManifestError):
    """A marker comment that says nothing known or stands at no reference: never taken for one that works."""

    remedy = "write `hold by=NAME reason=TEXT`, `image`, `tag of IMAGE` or `digest of IMAGE` after `# stage-ci:`"


class ImageNotInManifest(ManifestError):
    """No reference to the image in the manifest."""

    remedy = "check --image against the image fields of the manifest"
