"""Who signs the evidence of a run, and who must have signed the evidence of a version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import dagger

from stage_ci.adapters import keyless
from stage_ci.adapters.gather import gather
from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.errors import InvalidInput, MissingCredential
from stage_ci.rules.evidence import Envelope, Identity, Kind, signing_input
from stage_ci.rules.evidence.keyless import raise_if_not_trust_config, raise_if_unusable
from stage_ci.rules.record import Record
from stage_ci.rules.registry.image import Artifact

if TYPE_CHECKING:
    from stage_ci.adapters.signing import PublicKey, SigningKey

# The key of a rehearsal lies in its infrastructure repository, which nobody else reaches, and is deleted with it.
_REHEARSAL_KEY: Final = "refs/rehearsal/signing-key"


@dataclass(frozen=True, slots=True)
class Signed:
    """Statements as they are pushed.

    Attributes:
        artifacts: The artifact of each statement, by its kind.
        signer: Who signed them, as in a record; empty if nobody did.
    """

    artifacts: Mapping[Kind, Artifact]
    signer: str = ""


class Signer(Protocol):
    """Signs the evidence of a release."""

    async def sign(self, payloads: Mapping[Kind, bytes]) -> Signed:
        """Sign the statements of each kind."""


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signs with a private key."""

    key: "SigningKey"

    async def sign(self, payloads: Mapping[Kind, bytes]) -> Signed:
        """Sign the statements of each kind."""
        public = self.key.public
        artifacts = {
            kind: Envelope(payload, self.key.sign(signing_input(payload))).artifact(kind, public.hint)
            for kind, payload in payloads.items()
        }
        return Signed(artifacts, public.text)


@dataclass(frozen=True, slots=True)
class KeylessSigner:
    """Signs with a certificate of Sigstore.

    Attributes:
        token: The OpenID Connect token that proves who signs.
        trust_config: The trust configuration of a private Sigstore instance; empty for the public one.
    """

    token: dagger.Secret
    trust_config: str

    async def sign(self, payloads: Mapping[Kind, bytes]) -> Signed:
        """Sign the statements of each kind.

        Raises:
            InvalidInput: if Sigstore rejects the token.
            SigstoreUnavailable: if a server of Sigstore does not answer or fails.
        """
        named = {str(kind): payload for kind, payload in payloads.items()}
        identity, bundles = await keyless.sign(named, self.token, self.trust_config)
        read = {Kind(name): Envelope.parse(bundle, f"the {name}") for name, bundle in bundles.items()}
        return Signed({kind: envelope.artifact(kind) for kind, envelope in read.items()}, str(identity))


@dataclass(frozen=True, slots=True)
class Signing:
    """What the caller gave to sign evidence, or to verify it; None or empty if not given.

    Attributes:
        key: The private key that signs the evidence of a release.
        password: The password of that key.
        public_key: The key that the evidence of a version must be signed by.
        identity_token: The OpenID Connect token with which Sigstore certifies who signs the evidence of a release.
        certificate_identity: Whom the certificate of a version's evidence must be issued to.
        certificate_oidc_issuer: The issuer that must vouch for that identity.
        trust_config: The trust configuration of a private Sigstore instance.

    Raises:
        InvalidInput: if they contradict each other, or one lacks another.
    """

    key: dagger.Secret | None = None
    password: dagger.Secret | None = None
    public_key: dagger.File | None = None
    identity_token: dagger.Secret | None = None
    certificate_identity: str = ""
    certificate_oidc_issuer: str = ""
    trust_config: dagger.File | None = None

    def __post_init__(self) -> None:
        """Raise if the arguments cannot be meant together."""
        if self.key and self.identity_token:
            raise InvalidInput("--signing-key and --identity-token exclude each other", remedy="give one of them")
        if bool(self.certificate_identity) != bool(self.certificate_oidc_issuer):
            raise InvalidInput(
                "--certificate-identity and --certificate-oidc-issuer need each other",
                remedy="give both: another issuer may vouch for the same name",
            )
        if self.public_key and self.certificate_identity:
            raise InvalidInput(
                "--public-key and --certificate-identity exclude each other",
                remedy="give what the version's record names after Signer:",
            )
        if self.certificate_identity:
            Identity.parse(self.certificate_identity, self.certificate_oidc_issuer)

    async def signer(self) -> Signer | None:
        """Return what signs the evidence of a release; None if neither a key nor a token was given.

        Raises:
            MissingCredential: if the key is empty.
            InvalidInput: if the key is of another kind or its password is wrong, or if the token has expired or is not
                for Sigstore.
        """
        if self.identity_token:
            token, config = await gather(self.identity_token.plaintext(), self.sigstore())
            raise_if_unusable(token, datetime.now(UTC))
            return KeylessSigner(self.identity_token, config)
        if self.key is None:
            return None
        from stage_ci.adapters.signing import SigningKey  # noqa: PLC0415 - takes 60 ms, which few runs need

        pem, password = await gather(self.key.plaintext(), _plaintext(self.password))
        if not pem.strip():
            remedy = "set its variable, or leave the flag out to release without a signature"
            raise MissingCredential("the key of --signing-key is empty", step="sign", remedy=remedy)
        return KeySigner(SigningKey.parse(pem, password))

    async def expected_signer(self, record: Record) -> "PublicKey | Identity":
        """Return who must have signed the evidence of a version: whom the caller named, or else the record.

        Raises:
            InvalidInput: if it is no key of the kind.
        """
        if self.certificate_identity:
            return Identity.parse(self.certificate_identity, self.certificate_oidc_issuer)
        if not self.public_key and (recorded := Identity.recorded(record.signer)):
            return recorded
        from stage_ci.adapters.signing import PublicKey  # noqa: PLC0415 - as above

        return PublicKey.parse(await self.public_key.contents() if self.public_key else record.signer)

    async def sigstore(self) -> str:
        """Return the trust configuration of the Sigstore instance; empty for the public one.

        Raises:
            InvalidInput: if the caller gave something else.
        """
        if self.trust_config is None:
            return ""
        text = await self.trust_config.contents()
        raise_if_not_trust_config(text)
        return text


async def rehearsal_signer(infrastructure: Infrastructure) -> Signer:
    """Return what signs the evidence of a rehearsal: a key that its first release generates.

    Raises:
        InfrastructureError: if the infrastructure repository denies access or fails.
    """
    from stage_ci.adapters.signing import SigningKey  # noqa: PLC0415 - as above

    present = await infrastructure.read(_REHEARSAL_KEY)
    if present is None:
        generated = SigningKey.generate()
        try:
            await infrastructure.create(_REHEARSAL_KEY, generated.pem())
        except RefConflict:
            return await rehearsal_signer(infrastructure)
        return KeySigner(generated)
    return KeySigner(SigningKey.parse(present))


async def _plaintext(secret: dagger.Secret | None) -> str:
    return await secret.plaintext() if secret else ""
