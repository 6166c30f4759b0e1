"""Signing without a key of one's own: who signed, and the token that proves it to Sigstore.

Sigstore's certificate authority, Fulcio, exchanges an OpenID Connect token for a certificate that is valid for ten
minutes and names the token's identity and issuer. Sources: JSON Web Tokens (RFC 7519, section 4.1), the certificate
(https://github.com/sigstore/fulcio/blob/main/docs/certificate-specification.md), and the trust configuration
(https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto, ClientTrustConfig).
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from stage_ci.errors import InvalidInput

_AUDIENCE: Final = "sigstore"
_REQUIRED: Final = ("iss", "sub", "aud", "iat", "exp")
_TRUST_CONFIG: Final = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate of Sigstore was issued to.

    Attributes:
        name: The subject alternative name, such as the URL of a workflow or an e-mail address.
        issuer: The URL of the OpenID Connect issuer that vouches for it.
    """

    name: str
    issuer: str

    @classmethod
    def parse(cls, name: str, issuer: str) -> Self:
        """Return the identity of a name and its issuer.

        Raises:
            InvalidInput: if one is empty, or cannot stand in one line of a record.
        """
        for flag, value in (("certificate-identity", name), ("certificate-oidc-issuer", issuer)):
            if not value or not value.isprintable() or value != value.strip():
                raise _invalid(flag, f"{value[:100]!r} is empty, or has line breaks or spaces around it")
        if " " in issuer:
            raise _invalid("certificate-oidc-issuer", f"{issuer[:100]!r} is not a URL")
        return cls(name, issuer)

    @classmethod
    def recorded(cls, signer: str) -> Self | None:
        """Return the identity that the signer of a record is; None if it is a public key.

        >>> Identity.recorded("dev@example.com https://accounts.example.com")
        Identity(name='dev@example.com', issuer='https://accounts.example.com')
        """
        name, separator, issuer = signer.rpartition(" ")
        return cls(name, issuer) if separator else None

    def __str__(self) -> str:
        """Return the signer as in a record: base64, as of a public key, has no space."""
        return f"{self.name} {self.issuer}"


def raise_if_unusable(token: str, now: datetime) -> None:
    """Raise if Sigstore would reject an identity token for its claims; the signature is for Sigstore to check.

    Raises:
        InvalidInput: says which claim is missing or wrong.
    """
    claims = _claims(token)
    if missing := [name for name in _REQUIRED if name not in claims]:
        raise _invalid("identity-token", f"it has no {' and no '.join(missing)}")
    audience = claims["aud"]
    if _AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
        raise _invalid("identity-token", f"its audience is {str(audience)[:100]!r}, not {_AUDIENCE}")
    if (expiry := _moment(claims, "exp")) <= now:
        raise _invalid("identity-token", f"it expired at {expiry:%Y-%m-%d %H:%M:%S} UTC")
    if "nbf" in claims and (start := _moment(claims, "nbf")) > now:
        raise _invalid("identity-token", f"it is not valid before {start:%Y-%m-%d %H:%M:%S} UTC")


def raise_if_not_trust_config(text: str) -> None:
    """Raise if a text is not the trust configuration of a Sigstore instance.

    Raises:
        InvalidInput: if it is not.
    """
    try:
        media_type = json.loads(text)["mediaType"]
    except (ValueError, KeyError, TypeError, RecursionError):
        media_type = None
    if media_type != _TRUST_CONFIG:
        raise _invalid("sigstore-trust-config", f"expected JSON with the mediaType {_TRUST_CONFIG}")


def _claims(token: str) -> Mapping[str, Any]:
    try:
        _, payload, _ = token.strip().split(".")
        claims = json.loads(base64.b64decode(payload + "=" * (-len(payload) % 4), altchars=b"-_", validate=True))
    # The texts of these errors may hold a part of the token, so they are left out.
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise _invalid("identity-token", "it is not a JSON Web Token")
    return claims


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    try:
        return datetime.fromtimestamp(claims[name], UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise _invalid("identity-token", f"its {name} is not a time") from None


_REMEDIES: Final = {
    "certificate-identity": "give the name in the certificate, such as the URL of the workflow that signed",
    "certificate-oidc-issuer": "give the issuer's URL, such as https://token.actions.githubusercontent.com",
    "identity-token": f"get a new token with the audience {_AUDIENCE} and run again",
    "sigstore-trust-config": "give the ClientTrustConfig of the Sigstore instance, or leave the flag out",
}


def _invalid(flag: str, reason: str) -> InvalidInput:
    step = "sign" if flag == "identity-token" else "input"
    return InvalidInput(f"invalid --{flag}: {reason}", step=step, remedy=_REMEDIES[flag])
