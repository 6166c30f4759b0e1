"""The errors of checks, of training and of the engine."""

from stage_ci.errors.base import StageError


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
