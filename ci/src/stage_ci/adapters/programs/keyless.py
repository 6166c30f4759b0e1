"""Signs statements without a key of one's own, or verifies such signatures, with Sigstore's client.

usage: keyless.py sign REQUEST TOKEN RESULT [TRUST_CONFIG]    all arguments are files
       keyless.py verify REQUEST [TRUST_CONFIG]

Without a trust configuration, Sigstore's public instance is meant. The last line on standard error is the cause of a
failure, and the exit status is its kind. Runs in a container of its own.
"""

import hashlib
import json
import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
from cryptography.x509 import (
    Certificate,
    ObjectIdentifier,
    RFC822Name,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnrecognizedExtension,
)
from sigstore.dsse import Statement
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

# Exit statuses; Python itself ends with 1 after an exception.
INVALID = 2
REJECTED = 3
UNAVAILABLE = 4

PAYLOAD_TYPE = "application/vnd.in-toto+json"
# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
# Statuses with which Fulcio rejects a token: https://github.com/sigstore/fulcio/blob/main/fulcio.proto
TOKEN_STATUSES = (400, 401, 403)


class Warnings(logging.Handler):
    """Keeps what the client warns of: it goes on without a timestamp, and fails later for the lack of one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning."""
        self.lines.append(record.getMessage())


def fail(status: int, cause: str) -> NoReturn:
    """Print the cause in one line and exit."""
    print(" ".join(cause.split())[:500], file=sys.stderr)
    sys.exit(status)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it; the client wraps those of its HTTP library."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def describe(error: BaseException) -> tuple[int, str]:
    """Return the exit status and the cause of an error that was raised while signing or fetching what to trust."""
    for each in causes(error):
        if isinstance(each, requests.HTTPError) and each.response is not None:
            url = urlsplit(each.response.url)
            rejected = url.path.endswith("/signingCert") and each.response.status_code in TOKEN_STATUSES
            text = f"{url.scheme}://{url.netloc} answers {each.response.status_code}: {message(each.response)}"
            return REJECTED if rejected else UNAVAILABLE, text
        if isinstance(each, requests.RequestException) and each.request is not None:
            url = urlsplit(str(each.request.url))
            # The messages of urllib3 name the connection first, and the reason last.
            reason = str(getattr(each.args[0], "reason", each) if each.args else each).rpartition(": ")[2]
            return UNAVAILABLE, f"{url.scheme}://{url.netloc} does not answer: {reason}"
        if isinstance(each, IdentityError | ExpiredIdentity):
            return REJECTED, f"{str(each) or 'the token expired'}: {each.__cause__ or 'get another one'}"
    first = str(error) or type(error).__name__
    return UNAVAILABLE, f"{first}: {error.__cause__}" if error.__cause__ else first


def message(response: requests.Response) -> str:
    """Return what a server of Sigstore gives as the reason of an error."""
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.reason or "no reason"


def names(certificate: Certificate) -> tuple[str, str]:
    """Return whom a certificate was issued to, and by which issuer that is vouched for."""
    alternative = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    emails = alternative.get_values_for_type(RFC822Name)
    name, *_ = [*emails, *alternative.get_values_for_type(UniformResourceIdentifier)]
    issuer = certificate.extensions.get_extension_for_oid(ISSUER).value
    assert isinstance(issuer, UnrecognizedExtension)  # noqa: S101 - the library knows no extension of Sigstore
    return name, issuer.value.decode()


def sign(request: dict[str, Any], token: str, config: ClientTrustConfig) -> dict[str, Any]:
    """Return a bundle for each statement of the request, and who signed them.

    All are signed with one certificate, and each is verified, so that nothing is published that nobody could verify.
    """
    statements = [Statement(text.encode()) for text in request["statements"].values()]
    with (
        SigningContext.from_trust_config(config).signer(IdentityToken(token)) as signer,
        ThreadPoolExecutor(max_workers=len(statements)) as pool,
    ):
        bundles = list(pool.map(signer.sign_dsse, statements))
    name, issuer = names(bundles[0].signing_certificate)
    verifier, policy = Verifier(trusted_root=config.trusted_root), Identity(identity=name, issuer=issuer)
    for bundle in bundles:
        verifier.verify_dsse(bundle, policy)
    texts = [bundle.to_json() for bundle in bundles]
    return {"name": name, "issuer": issuer, "bundles": dict(zip(request["statements"], texts, strict=True))}


def verify(request: dict[str, Any], verifier: Verifier) -> None:
    """Exit with the name of the first bundle that is not signed by the identity of the request, and why."""
    policy = Identity(identity=request["name"], issuer=request["issuer"])
    for what, piece in request["bundles"].items():
        try:
            payload_type, payload = verifier.verify_dsse(Bundle.from_json(piece["bundle"]), policy)
        except Exception as error:  # noqa: BLE001 - whatever the library raises, the bundle is not verified
            fail(INVALID, f"{what} is not verified: {str(error) or type(error).__name__}")
        if (payload_type, hashlib.sha256(payload).hexdigest()) != (PAYLOAD_TYPE, piece["sha256"]):
            fail(INVALID, f"{what} is not verified: another statement was signed")


def trust_config(files: list[str]) -> ClientTrustConfig:
    """Return the trust configuration in a file, or that of the public instance, which is fetched."""
    return ClientTrustConfig.from_json(Path(files[0]).read_text()) if files else ClientTrustConfig.production()


def main(command: str, request_file: str, *files: str) -> None:
    """Run one command."""
    request = json.loads(Path(request_file).read_text())
    if command == "verify":
        try:
            verifier = Verifier(trusted_root=trust_config(list(files)).trusted_root)
        except Exception as error:  # noqa: BLE001 - many libraries fetch and parse it
            fail(*describe(error))
        verify(request, verifier)
        return
    token_file, result, *rest = files
    token, warnings = Path(token_file).read_text().strip(), Warnings()
    logging.getLogger("sigstore").addHandler(warnings)
    try:
        signed = sign(request, token, trust_config(rest))
    except Exception as error:  # noqa: BLE001 - as above
        status, cause = describe(error)
        fail(status, "; ".join([cause, *warnings.lines[:1]]).replace(token, "***"))
    Path(result).write_text(json.dumps(signed))


if __name__ == "__main__":
    main(*sys.argv[1:])
