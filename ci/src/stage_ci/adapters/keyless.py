"""Signs without a key of one's own, and verifies such signatures, by Sigstore's client in a container."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Final

import dagger

from stage_ci.adapters import toolchain
from stage_ci.adapters.commands import NOBODY, CommandResult, as_nobody, run, step
from stage_ci.adapters.programs import program
from stage_ci.errors import InvalidEvidence, InvalidInput, SigstoreUnavailable
from stage_ci.rules.evidence import Identity
from stage_ci.rules.one_line import last_line

_PROGRAM: Final = "/keyless.py"
_REQUEST: Final = "/request.json"
_TRUST_CONFIG: Final = "/trust_config.json"
_TOKEN: Final = "/run/secrets/identity-token"  # noqa: S105 - a path
_RESULT: Final = "/tmp/signed.json"  # noqa: S108 - of the container; nobody may write there
# Seconds. The client's requests to Fulcio and Rekor have no limit of their own; a log answers after its next
# checkpoint, within some seconds: https://github.com/sigstore/rekor-tiles/blob/main/CLIENTS.md
_LIMIT: Final = 120
# The exit statuses of the program, and that of timeout(1) at its limit.
INVALID: Final = 2
REJECTED: Final = 3
_LATE: Final = 124


@step("sign")
async def sign(
    payloads: Mapping[str, bytes], token: dagger.Secret, trust_config: str
) -> tuple[Identity, dict[str, bytes]]:
    """Sign statements with one certificate of Sigstore; return who signed, and the Sigstore bundles by name.

    Args:
        payloads: The statements by name.
        token: The OpenID Connect token that proves who signs.
        trust_config: The trust configuration of a private Sigstore instance; empty for the public one.

    Raises:
        InvalidInput: if Sigstore rejects the token.
        SigstoreUnavailable: if a server of Sigstore does not answer or fails.
    """
    request = {"statements": {name: payload.decode() for name, payload in payloads.items()}}
    container = _container(request, trust_config).with_mounted_secret(_TOKEN, token, owner=NOBODY)
    result = await _run(container, ["sign", _REQUEST, _TOKEN, _RESULT], trust_config)
    if result.status == REJECTED:
        remedy = "get a new token with the audience sigstore and run again: the release continues where it stopped"
        raise InvalidInput(f"Sigstore rejects --identity-token: {last_line(result.stderr)}", step="sign", remedy=remedy)
    if result.status:
        raise SigstoreUnavailable(_cause(result))
    signed = json.loads(await result.container.file(_RESULT).contents())
    bundles = {name: text.encode() for name, text in signed["bundles"].items()}
    return Identity.parse(signed["name"], signed["issuer"]), bundles


@step("verify")
async def verify(pieces: Mapping[str, tuple[bytes, bytes]], identity: Identity, trust_config: str) -> None:
    """Verify that an identity has signed statements, and that Sigstore's log has an entry of each signature.

    Args:
        pieces: The Sigstore bundle and the statement that it must hold, by their name for an error.
        identity: Who must have signed.
        trust_config: The trust configuration of a private Sigstore instance; empty for the public one.

    Raises:
        InvalidEvidence: names the first piece that is not signed by the identity, and says why.
        SigstoreUnavailable: if the public instance's trust root cannot be fetched, or the given one is invalid.
    """
    bundles = {
        name: {"bundle": bundle.decode(errors="replace"), "sha256": hashlib.sha256(payload).hexdigest()}
        for name, (bundle, payload) in pieces.items()
    }
    request = {"name": identity.name, "issuer": identity.issuer, "bundles": bundles}
    result = await _run(_container(request, trust_config), ["verify", _REQUEST], trust_config)
    if result.status == INVALID:
        raise InvalidEvidence(last_line(result.stderr))
    if result.status:
        raise SigstoreUnavailable(_cause(result), step="verify")


def _container(request: Mapping[str, object], trust_config: str) -> dagger.Container:
    container = as_nobody(toolchain.with_sigstore()).with_new_file(_PROGRAM, program("keyless.py"))
    if trust_config:
        container = container.with_new_file(_TRUST_CONFIG, trust_config)
    # The engine caches a command by its inputs, and a failure of the network would be repeated from the cache.
    unique = container.with_env_variable("STAGE_CI_SIGSTORE", str(uuid.uuid4()))
    return unique.with_new_file(_REQUEST, json.dumps(request))


async def _run(container: dagger.Container, arguments: list[str], trust_config: str) -> CommandResult:
    given = [_TRUST_CONFIG] if trust_config else []
    return await run(container, ["timeout", str(_LIMIT), "python3", _PROGRAM, *arguments, *given])


def _cause(result: CommandResult) -> str:
    if result.status == _LATE:
        return f"Sigstore did not answer within {_LIMIT} s"
    return last_line(result.stderr) or f"Sigstore's client ended with status {result.status}"
