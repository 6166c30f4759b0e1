"""The expected failures of the pipeline, one class per cause.

::

    StageError                          one line with step, cause and remedy
    ├── MultipleFailures                several steps failed: one line for each
    ├── InvalidInput                    an argument or a file of the source is invalid
    │   ├── InvalidVersion
    │   ├── InvalidReference
    │   ├── InvalidDigest
    │   ├── InvalidFilename
    │   ├── InvalidWaiver
    │   ├── InvalidVex
    │   └── MissingCredential
    ├── NothingToCheck                  no file to lint, no test collected, no package found
    ├── LintFailed
    ├── TestsFailed
    ├── EngineError                     the engine could not pull an image, install a package or start a service
    ├── BuildFailed
    ├── SmokeFailed
    ├── TrainingFailed
    ├── TrackingFailed                  the model was trained, but could not be logged in MLflow
    ├── VulnerableImage                 the scan found a critical vulnerability that has a fix
    ├── WaiverExpired                   the scan found a vulnerability whose waiver has expired
    ├── SecretInImage                   a layer or the configuration of the image holds a key or a token
    ├── ScannerUnavailable              the scanner could not run, so there is no verdict
    ├── RegistryError
    │   ├── RegistryAccessDenied        status 401 or 403; not retried
    │   ├── RegistryUnavailable         unreachable, overloaded or sending invalid responses, after bounded retries
    │   ├── DigestMismatch              the registry holds another digest than was pushed
    │   └── SwappedTag                  the registry shows another image for a version than its record
    ├── InfrastructureError
    │   ├── InfrastructureAccessDenied  invalid token, protected branch, missing repository or branch; not retried
    │   ├── InfrastructureUnavailable   no answer in time, or a broken connection
    │   ├── InfrastructureConflict      other writers won every race
    │   └── InvalidRecord               the record of a version names another image, or no digest
    └── ManifestError
        ├── ManifestMissing             missing, or not a regular UTF-8 file
        ├── InvalidManifest             template, duplicate key, invalid or oversized YAML
        ├── InvalidMarker               a marker comment that is invalid or matches no image reference
        └── ImageNotInManifest          the manifest has no reference to the image
"""


class StageError(Exception):
    """An expected failure, printed as one line with step, cause and remedy.

    Args:
        cause: What happened and to which input or part, in one line without a final full stop.
        remedy: What the user can do next; replaces the remedy of the class.
        step: The step that failed; replaces the step of the class.
    """

    step = "stage"
    remedy = "call the failing function alone to see its output"

    def __init__(self, cause: str, *, remedy: str | None = None, step: str | None = None) -> None:
        self.cause = " ".join(cause.split())
        self.remedy = self.remedy if remedy is None else remedy
        self.step = self.step if step is None else step
        super().__init__(f"{self.step}: {self.cause}; {self.remedy}")


class MultipleFailures(StageError):
    """Several steps failed; the text has one line for each."""

    def __init__(self, failures: list[StageError]) -> None:
        self.failures = failures
        super().__init__("several steps failed")
        self.args = ("\n".join(map(str, failures)),)


class InvalidInput(StageError):
    """An argument or a file of the source is invalid."""

    step = "input"
    remedy = "correct it and run again"


class InvalidVersion(InvalidInput):
    """The version line or the version is invalid, not published, or lower than the manifest's line."""

    remedy = "give a version of the line, such as v1.0.7"


class InvalidReference(InvalidInput):
    """The image reference is invalid."""

    remedy = "give an image as [registry/]name, such as docker.io/owner/service"


class InvalidDigest(InvalidInput):
    """The digest is invalid."""

    remedy = "give a digest as sha256: and 64 hexadecimal digits"


class InvalidFilename(InvalidInput):
    """The path leads out of the infrastructure repository or cannot be the name of a file in git."""

    remedy = "give the manifest's path relative to the repository's root, such as manifests/default/svm.yaml"


class InvalidWaiver(InvalidInput):
    """The list of waivers is invalid, or one of its entries lacks the owner or the end date."""

    step = "scan"
    remedy = "give each entry id, owner and expired_at as a date within a year, such as 2027-06-30"


class InvalidVex(InvalidInput):
    """The OpenVEX document is invalid, or lacks the author or a justification."""

    step = "scan"
    remedy = "write an OpenVEX document with an author, and a justification for each not_affected"


class MissingCredential(InvalidInput):
    """A credential is empty, or some of the credentials were given and others were not."""

    step = "credentials"
    remedy = "give all of them to release, or none to rehearse"


class NothingToCheck(StageError):
    """A check found nothing to check, which counts as a failure."""

    step = "check"
    remedy = "check that --source is the folder that holds src/ and tests/unit/"


class LintFailed(StageError):
    """At least one of black, flake8 and isort reported findings."""

    step = "lint"
    remedy = "run `dagger call format` to apply black and isort, and fix what flake8 reports"


class TestsFailed(StageError):
    """At least one unit test failed, or the test run crashed or timed out."""

    step = "test"
    remedy = "run `dagger call reports export --path=reports` for the JUnit and coverage files"
    __test__ = False  # pytest would collect the class by its name


class EngineError(StageError):
    """The engine could not pull an image, install a package, start a service or run a command of the pipeline."""

    remedy = "check the network and the package index, then run again"


class BuildFailed(StageError):
    """The image could not be built from the Dockerfile."""

    step = "build"
    remedy = "run `dagger call build` to see the build alone"


class SmokeFailed(StageError):
    """The built image does not start, does not become ready, or answers wrongly."""

    step = "smoke"
    remedy = "run `dagger call build as-service --use-entrypoint up` and send the request by hand"


class TrainingFailed(StageError):
    """The training command rejected its data, failed, or wrote no model."""

    step = "train"
    remedy = "correct the file or the option that it names; `dagger call train -vvv` shows the whole output"


class TrackingFailed(StageError):
    """The model was trained, but logging it in MLflow failed."""

    step = "mlflow"
    remedy = "check the server and run again: the training is cached and not repeated"


class VulnerableImage(StageError):
    """The scan found a critical vulnerability that has a fix."""

    step = "scan"
    remedy = "raise the package to its fixed version; `dagger call scan` lists all"


class WaiverExpired(StageError):
    """The scan found a critical vulnerability whose waiver has expired."""

    step = "scan"
    remedy = "raise the package and remove the entry, or let its owner set a new expired_at in .trivyignore.yaml"


class SecretInImage(StageError):
    """A layer or the configuration of the image holds a private key or a token."""

    step = "secrets"
    remedy = "revoke it and build the image without it; `dagger call secrets` lists all"


class ScannerUnavailable(StageError):
    """The scanner crashed, or knows too little; the image neither passes nor fails the scan."""

    step = "scan"
    remedy = "give a reachable vulnerability database with --trivy-db"


class RegistryError(StageError):
    """The registry failed or denied access."""

    step = "registry"


class RegistryAccessDenied(RegistryError):
    """The registry answered 401 or 403, which is not retried."""

    remedy = "check the user name, the password and the user's rights in this repository"


class RegistryUnavailable(RegistryError):
    """The registry is unreachable, overloaded or sends invalid responses, after bounded retries."""

    remedy = "check the registry's address and state, then run again"


class DigestMismatch(RegistryError):
    """The registry reports another digest than that of the pushed archive."""

    step = "publish"
    remedy = "nothing was deployed; find out who writes to this tag before running again"


class SwappedTag(RegistryError):
    """The registry shows another image for a version than the version's record."""

    step = "record"
    remedy = "nothing was deployed; find out who moved the tag, and point it at the released digest again"


class InfrastructureError(StageError):
    """The infrastructure repository's server failed, denied access or reported a conflict."""

    step = "deploy"


class InfrastructureAccessDenied(InfrastructureError):
    """The token is invalid, the branch is protected, or the repository or branch does not exist; not retried."""

    remedy = "check the token, the repository's name and the branch protection"


class InfrastructureUnavailable(InfrastructureError):
    """The git server does not answer in time or closes the connection."""

    remedy = "run again: the release continues where it stopped"


class InfrastructureConflict(InfrastructureError):
    """Other writers changed the ref first, in every attempt."""

    remedy = "run again: the release continues where it stopped"


class InvalidRecord(InfrastructureError):
    """The record of a version names another image, or has no valid digest."""

    step = "record"
    remedy = "nothing was deployed; find out who wrote the ref below refs/records/, which only the pipeline does"


class ManifestError(StageError):
    """The deployment manifest cannot be edited."""

    step = "manifest"


class ManifestMissing(ManifestError):
    """The manifest does not exist, or is a folder, a link, empty or not UTF-8 text."""

    remedy = "check --filename against the infrastructure repository"


class InvalidManifest(ManifestError):
    """The manifest is a template, is invalid YAML, has a duplicate key, or exceeds a limit."""

    remedy = "correct the manifest in the infrastructure repository"


class InvalidMarker(ManifestError):
    """A marker comment is invalid or matches no image reference; it is never ignored."""

    remedy = "write `hold by=NAME reason=TEXT`, `image`, `tag of IMAGE` or `digest of IMAGE` after `# stage-ci:`"


class ImageNotInManifest(ManifestError):
    """The manifest has no reference to the image."""

    remedy = "check --image against the image fields of the manifest"
