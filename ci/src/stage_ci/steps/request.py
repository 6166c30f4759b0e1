"""The request of a caller: the arguments of the constructor, parsed once before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

import dagger
from dagger import dag

from stage_ci.adapters.gather import gather, gather_all
from stage_ci.adapters.registry import RegistryLogin
from stage_ci.adapters.services import LocalServers
from stage_ci.errors import MissingCredential
from stage_ci.rules.credentials import LABELS, PASSWORD, USERNAME, credential, is_rehearsal
from stage_ci.rules.infrastructure import DEFAULT_IDENTITY, GitIdentity, InfrastructureRepository
from stage_ci.rules.release import Filename, ReleaseLine
from stage_ci.rules.revision import Revision
from stage_ci.rules.smoke import SmokeTest
from stage_ci.steps.signing import Signing

DEFAULT_REHEARSAL: Final = "default"
# The variables of the service: its tests read them from `.env`, MLflow's client from the environment.
VARIABLES: Final = ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "MODEL_URI", "EXPERIMENT_NAME")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials and services for the registry and the infrastructure repository; None if not given.

    Attributes:
        docker_username: The registry's user.
        docker_password: The user's password or access token.
        infra_token: The token that may push to the infrastructure repository.
        registry_service: A registry that only the caller's machine can reach.
        infra_service: A git server that only the caller's machine can reach.
    """

    docker_username: dagger.Secret | None = None
    docker_password: dagger.Secret | None = None
    infra_token: dagger.Secret | None = None
    registry_service: dagger.Service | None = None
    infra_service: dagger.Service | None = None

    @property
    def given(self) -> set[str]:
        """The names of the attributes that are not None."""
        return {name for name in self.__slots__ if getattr(self, name) is not None}

    async def registry_login(self) -> RegistryLogin | None:
        """Return the registry's user and password; None for anonymous access.

        Raises:
            MissingCredential: if one is empty, or only one of the two was given.
            InvalidInput: if one is not text in UTF-8, or the user name contains a colon.
        """
        username, password = await gather(
            _plaintext(self.docker_username, "DOCKER_USERNAME"), _plaintext(self.docker_password, "DOCKER_PASSWORD")
        )
        if (username is None) != (password is None):
            missing = LABELS[PASSWORD if username else USERNAME]
            raise MissingCredential(f"missing {missing}", remedy="give both, or neither for anonymous access")
        return RegistryLogin(username, password) if username and password else None

    async def token(self) -> str | None:
        """Return the infrastructure repository's token; None for anonymous access.

        Raises:
            MissingCredential: if it is empty.
            InvalidInput: if it is not text in UTF-8.
        """
        return await _plaintext(self.infra_token, "TOKEN")

    async def raise_if_empty(self) -> None:
        """Raise if a given credential is empty, before anything runs.

        Raises:
            MissingCredential: names each empty one.
            InvalidInput: names each that is invalid.
        """
        await gather(self.registry_login(), self.token())


@dataclass(frozen=True, slots=True)
class ManifestLocation:
    """The location of the deployment manifest.

    Attributes:
        branch: A branch of the infrastructure repository.
        filename: The path of the manifest on that branch.
    """

    branch: str
    filename: Filename


class Settings(Protocol):
    """The arguments of the module's constructor, as the caller gave them."""

    image: str
    version_line: str
    infra_repo: str
    infra_branch: str
    infra_user: str
    infra_committer: str
    filename: str
    service_port: int
    smoke_request: str
    docker_username: dagger.Secret | None
    docker_password: dagger.Secret | None
    infra_token: dagger.Secret | None
    registry_service: dagger.Service | None
    infra_service: dagger.Service | None
    databricks_host: dagger.Secret | None
    databricks_token: dagger.Secret | None
    model_uri: dagger.Secret | None
    experiment_name: dagger.Secret | None
    rehearsal_name: str
    rehearsal_seed: dagger.Directory
    source_revision: str
    signing_key: dagger.Secret | None
    signing_password: dagger.Secret | None
    public_key: dagger.File | None
    identity_token: dagger.Secret | None
    certificate_identity: str
    certificate_oidc_issuer: str
    sigstore_trust_config: dagger.File | None
    trivy_db: list[str] | None
    trivy_java_db: list[str] | None


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """The service to release, and the remotes and credentials for it: the parsed arguments of the constructor.

    Attributes:
        line: The image and the version line.
        infrastructure: The infrastructure repository.
        manifest: The deployment manifest in it.
        smoke_test: The smoke test of the image.
        credentials: What the caller gave to reach registry and infrastructure repository.
        rehearsal: The rehearsal's name; empty if the caller gave none.
        rehearsal_seed: The initial content of a new rehearsal's infrastructure repository.
        revision: The revision of the source; None if the caller gave none.
        variables: The given variables of the service, by name.
        signing: What the caller gave to sign evidence or to verify it.
        databases: The addresses of the vulnerability database; empty for the public mirrors.
        java_databases: The addresses of the scanner's Java database; empty for the public mirrors.
        identity: As whom the infrastructure repository is read and written.
    """

    line: ReleaseLine
    infrastructure: InfrastructureRepository
    manifest: ManifestLocation
    smoke_test: SmokeTest
    credentials: Credentials
    rehearsal: str
    rehearsal_seed: dagger.Directory
    revision: Revision | None = None
    variables: Mapping[str, dagger.Secret] = field(default_factory=dict)
    signing: Signing = field(default_factory=Signing)
    databases: tuple[str, ...] = ()
    java_databases: tuple[str, ...] = ()
    identity: GitIdentity = DEFAULT_IDENTITY

    @classmethod
    def parse(cls, settings: Settings) -> Self:
        """Return the request that the arguments of the module's constructor describe.

        Raises:
            InvalidInput: names the first argument that cannot be parsed.
        """
        credentials = Credentials(**{name: getattr(settings, name) for name in Credentials.__slots__})
        variables = {name: getattr(settings, name.lower()) for name in VARIABLES}
        if settings.rehearsal_name:
            LocalServers.parse(settings.rehearsal_name)
        return cls(
            line=ReleaseLine.parse(settings.image, settings.version_line),
            infrastructure=InfrastructureRepository.parse(settings.infra_repo),
            manifest=ManifestLocation(settings.infra_branch, Filename.parse(settings.filename)),
            smoke_test=SmokeTest.parse(settings.service_port, settings.smoke_request),
            credentials=credentials,
            rehearsal=settings.rehearsal_name,
            rehearsal_seed=settings.rehearsal_seed,
            revision=Revision.parse(settings.source_revision),
            variables={name: secret for name, secret in variables.items() if secret is not None},
            signing=Signing(
                key=settings.signing_key,
                password=settings.signing_password,
                public_key=settings.public_key,
                identity_token=settings.identity_token,
                certificate_identity=settings.certificate_identity,
                certificate_oidc_issuer=settings.certificate_oidc_issuer,
                trust_config=settings.sigstore_trust_config,
            ),
            databases=tuple(settings.trivy_db or ()),
            java_databases=tuple(settings.trivy_java_db or ()),
            identity=GitIdentity.parse(settings.infra_user, settings.infra_committer),
        )

    def servers(self) -> LocalServers | None:
        """Return the servers of the rehearsal if no credential was given; None if this is a release.

        Raises:
            MissingCredential: if some credentials were given and others were not.
        """
        return self.local_servers() if is_rehearsal(self.credentials.given) else None

    def selected_servers(self) -> LocalServers | None:
        """Return the servers of the rehearsal that the caller named; None for the real registry and repository.

        Reading versions needs no credentials, so without credentials and without a name the real remotes are read:
        otherwise the first version of an empty rehearsal would look like the next real version.
        """
        return self.local_servers() if self.rehearsal and not self.credentials.given else None

    def local_servers(self) -> LocalServers:
        """Return the servers of the named or the default rehearsal."""
        return LocalServers.parse(self.rehearsal or DEFAULT_REHEARSAL)


async def without_line_breaks(variables: Mapping[str, dagger.Secret]) -> dict[str, dagger.Secret]:
    """Return the variables of the service without line breaks at the end of their values, before anything runs.

    Raises:
        MissingCredential: names each empty one.
        InvalidInput: names each that is not text in UTF-8.
    """
    secrets = await gather_all(_without_line_break(secret, name) for name, secret in variables.items())
    return dict(zip(variables, secrets, strict=True))


async def _without_line_break(secret: dagger.Secret, name: str) -> dagger.Secret:
    given = await secret.plaintext()
    value = credential(given, name)
    return secret if given == value else dag.set_secret(f"stage-ci-{name}", value)


async def _plaintext(secret: dagger.Secret | None, name: str) -> str | None:
    return None if secret is None else credential(await secret.plaintext(), name)
