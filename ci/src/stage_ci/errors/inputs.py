"""The errors of arguments and of files of the source."""

from stage_ci.errors.base import StageError


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
