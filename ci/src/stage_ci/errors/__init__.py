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
    │   ├── RepositoryMissing           not created by a push; not retried
    │   ├── RegistryUnavailable         unreachable, overloaded or sending invalid responses, after bounded retries
    │   ├── DigestMismatch              the registry holds another digest than was pushed
    │   ├── SwappedTag                  the registry shows another image for a version than its record
    │   └── InvalidEvidence             the evidence of a version is missing, damaged or signed by another key
    ├── SigstoreUnavailable             no certificate, no entry in the log, or no timestamp for a keyless signature
    ├── InfrastructureError
    │   ├── InfrastructureAccessDenied  invalid token, protected branch, missing repository or branch; not retried
    │   ├── InfrastructureUnavailable   no answer in time, or a broken connection
    │   ├── UnsupportedRepository       SHA-256, or a server without shallow clones
    │   ├── InfrastructureConflict      other writers won every race
    │   └── InvalidRecord               the record of a version names another image, or no digest
    └── ManifestError
        ├── ManifestMissing             missing, or not a regular UTF-8 file
        ├── InvalidManifest             template, duplicate key, invalid or oversized YAML
        ├── InvalidMarker               a marker comment that is invalid or matches no image reference
        └── ImageNotInManifest          the manifest has no reference to the image
"""

from stage_ci.errors.base import MultipleFailures, StageError
from stage_ci.errors.checks import (
    BuildFailed,
    EngineError,
    LintFailed,
    NothingToCheck,
    ScannerUnavailable,
    SecretInImage,
    SmokeFailed,
    TestsFailed,
    TrackingFailed,
    TrainingFailed,
    VulnerableImage,
    WaiverExpired,
)
from stage_ci.errors.inputs import (
    InvalidDigest,
    InvalidFilename,
    InvalidInput,
    InvalidReference,
    InvalidVersion,
    InvalidVex,
    InvalidWaiver,
    MissingCredential,
)
from stage_ci.errors.remotes import (
    DigestMismatch,
    ImageNotInManifest,
    InfrastructureAccessDenied,
    InfrastructureConflict,
    InfrastructureError,
    InfrastructureUnavailable,
    InvalidEvidence,
    InvalidManifest,
    InvalidMarker,
    InvalidRecord,
    ManifestError,
    ManifestMissing,
    RegistryAccessDenied,
    RegistryError,
    RegistryUnavailable,
    RepositoryMissing,
    SigstoreUnavailable,
    SwappedTag,
    UnsupportedRepository,
)

__all__ = [
    "BuildFailed",
    "DigestMismatch",
    "EngineError",
    "ImageNotInManifest",
    "InfrastructureAccessDenied",
    "InfrastructureConflict",
    "InfrastructureError",
    "InfrastructureUnavailable",
    "InvalidDigest",
    "InvalidEvidence",
    "InvalidFilename",
    "InvalidInput",
    "InvalidManifest",
    "InvalidMarker",
    "InvalidRecord",
    "InvalidReference",
    "InvalidVersion",
    "InvalidVex",
    "InvalidWaiver",
    "LintFailed",
    "ManifestError",
    "ManifestMissing",
    "MissingCredential",
    "MultipleFailures",
    "NothingToCheck",
    "RegistryAccessDenied",
    "RegistryError",
    "RegistryUnavailable",
    "RepositoryMissing",
    "ScannerUnavailable",
    "SecretInImage",
    "SigstoreUnavailable",
    "SmokeFailed",
    "StageError",
    "SwappedTag",
    "TestsFailed",
    "TrackingFailed",
    "TrainingFailed",
    "UnsupportedRepository",
    "VulnerableImage",
    "WaiverExpired",
]
