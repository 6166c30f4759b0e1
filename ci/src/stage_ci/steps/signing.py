"""The keys of a run: the one that signs its evidence, and the one that the evidence of a version must be signed by."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import dagger

from stage_ci.adapters.gather import gather
from stage_ci.adapters.infrastructure import Infrastructure, RefConflict
from stage_ci.errors import MissingCredential
from stage_ci.rules.record import Record

if TYPE_CHECKING:
    from stage_ci.adapters.signing import PublicKey, SigningKey

# The key of a rehearsal lies in its infrastructure repository, which nobody else reaches, and is deleted with it.
_REHEARSAL_KEY: Final = "refs/rehearsal/signing-key"


@dataclass(frozen=True, slots=True)
class Signing:
    """The keys that the caller gave; None if not given.

    Attributes:
        key: The private key that signs the evidence of a release.
        password: The password of that key.
        public_key: The key that the evidence of a version must be signed by.
    """

    key: dagger.Secret | None = None
    password: dagger.Secret | None = None
    public_key: dagger.File | None = None

    async def signing_key(self) -> "SigningKey | None":
        """Return the private key; None if none was given.

        Raises:
            MissingCredential: if it is empty.
            InvalidInput: if it is no key of the kind, or the password is wrong.
        """
        if self.key is None:
            return None
        from stage_ci.adapters.signing import SigningKey  # noqa: PLC0415 - takes 60 ms, which few runs need

        pem, password = await gather(self.key.plaintext(), _plaintext(self.password))
        if not pem.strip():
            remedy = "set its variable, or leave the flag out to release without a signature"
            raise MissingCredential("the key of --signing-key is empty", step="sign", remedy=remedy)
        return SigningKey.parse(pem, password)

    async def verification_key(self, record: Record) -> "PublicKey":
        """Return the key that the evidence of a version must be signed by: the caller's, or else the record's.

        Raises:
            InvalidInput: if it is no key of the kind.
        """
        from stage_ci.adapters.signing import PublicKey  # noqa: PLC0415 - as above

        return PublicKey.parse(await self.public_key.contents() if self.public_key else record.signer)


async def rehearsal_key(infrastructure: Infrastructure) -> "SigningKey":
    """Return the key of a rehearsal, which its first release generates.

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
            return await rehearsal_key(infrastructure)
        return generated
    return SigningKey.parse(present)


async def _plaintext(secret: dagger.Secret | None) -> str:
    return await secret.plaintext() if secret else ""
