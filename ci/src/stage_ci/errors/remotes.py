"""The errors of the registry, of the infrastructure repository and of the deployment manifest."""

from stage_ci.errors.base import StageError


class RegistryError(StageError):
    """The registry failed or denied access."""

    step = "registry"


class RegistryAccessDenied(RegistryError):
    """The registry answered 401 or 403, which is not retried."""

    # Of the registries that do not create a repository with its first push, some answer 401 or 403 until it exists.
    remedy = (
        "check the user name, the password and the user's rights in this repository; create it if it does not exist"
    )


class RepositoryMissing(RegistryError):
    """The registry has no such repository, and does not create it with the first push; not retried."""

    remedy = "create the repository in the registry first, and check --image"


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


class InvalidEvidence(RegistryError):
    """The evidence of a version is missing, damaged, about another image, or signed by another key."""

    step = "verify"
    remedy = "nothing was deployed; find out who changed it, or release the source again"


class SigstoreUnavailable(StageError):
    """A server of Sigstore did not answer, answered with an error, or does not belong to the trust configuration."""

    step = "sign"
    remedy = "check the network and, if given, --sigstore-trust-config, then run again"


class InfrastructureError(StageError):
    """The infrastructure repository's server failed, denied access or reported a conflict."""

    step = "deploy"


class InfrastructureAccessDenied(InfrastructureError):
    """The token is invalid, the branch is protected, or the repository or branch does not exist; not retried."""

    remedy = "check the token, the repository's name and the branch protection"


class InfrastructureUnavailable(InfrastructureError):
    """The git server does not answer in time or closes the connection."""

    remedy = "run again: the release continues where it stopped"


class UnsupportedRepository(InfrastructureError):
    """The infrastructure repository or its server lacks what the pipeline needs, such as SHA-1 or shallow clones."""

    remedy = "keep the deployment manifest in a repository with the object format sha1, on a server with shallow clones"


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
