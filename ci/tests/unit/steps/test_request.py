"""The arguments of the constructor, parsed before anything runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

import pytest
from dagger import dag

from stage_ci import arguments
from stage_ci.errors import InvalidFilename, InvalidInput, InvalidReference, InvalidVersion, MissingCredential
from stage_ci.steps.request import VARIABLES, Credentials, ReleaseRequest, without_line_breaks

if TYPE_CHECKING:
    import dagger

    from stage_ci.steps.request import Settings

# The arguments of a constructor call without flags; secrets, services and the seed are those of no engine.
DEFAULTS: Final[dict[str, object]] = {
    "image": arguments.IMAGE,
    "version_line": arguments.VERSION_LINE,
    "infra_repo": arguments.INFRA_REPO,
    "infra_branch": arguments.INFRA_BRANCH,
    "infra_user": arguments.INFRA_USER,
    "infra_committer": arguments.INFRA_COMMITTER,
    "filename": arguments.FILENAME,
    "service_port": arguments.SERVICE_PORT,
    "smoke_request": arguments.SMOKE_REQUEST,
    **dict.fromkeys([*Credentials.__slots__, *(name.lower() for name in VARIABLES)]),
    "rehearsal_name": "",
    "rehearsal_seed": None,
    "source_revision": "",
    "signing_key": None,
    "signing_password": None,
    "public_key": None,
    "identity_token": None,
    "certificate_identity": "",
    "certificate_oidc_issuer": "",
    "sigstore_trust_config": None,
    "trivy_db": None,
    "trivy_java_db": None,
}


def parse(**given: object) -> ReleaseRequest:
    """Return the request of a constructor call with some arguments."""
    return ReleaseRequest.parse(cast("Settings", SimpleNamespace(**DEFAULTS | given)))


class Text:
    """A secret of a caller, as far as the parsing of a request uses it."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def plaintext(self) -> str:
        """Return the value."""
        return self._text


def secret(text: str) -> dagger.Secret:
    """Return a secret."""
    return cast("dagger.Secret", Text(text))


def test_a_call_without_flags_is_a_rehearsal_of_the_original_service() -> None:
    """Without flags, the request has the module's defaults, no credentials and the default rehearsal."""
    request = parse()
    servers = request.servers()
    assert servers
    assert servers.name == "default"
    assert str(request.line.repository) == f"docker.io/{arguments.IMAGE}"
    assert str(request.manifest.filename) == arguments.FILENAME


@pytest.mark.fault(19)
@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("image", "owner/Case", InvalidReference, "--image: invalid image reference 'owner/Case'"),
        ("version_line", "1", InvalidVersion, "--version-line: invalid version line '1'"),
        ("version_line", "1.0", InvalidVersion, "--version-line: invalid version line '1.0'"),
        ("service_port", 0, InvalidInput, "invalid --service-port=0"),
        ("filename", "../x", InvalidFilename, "invalid --filename='../x': not a path inside"),
        ("filename", "../etc/passwd", InvalidFilename, "'../etc/passwd': not a path inside the infrastructure repo"),
        ("filename", "/etc/passwd", InvalidFilename, "'/etc/passwd': not a path inside the infrastructure repository"),
        ("infra_repo", "owner", InvalidInput, "invalid --infra-repo='owner'"),
        ("smoke_request", "Hardware=", InvalidInput, "invalid --smoke-request='Hardware='"),
        ("rehearsal_name", "Ä", InvalidInput, "invalid --rehearsal='Ä'"),
    ],
)
def test_an_invalid_value_is_rejected(name: str, value: object, error: type[InvalidInput], message: str) -> None:
    """An invalid value is an error in one line that names the flag and the value."""
    with pytest.raises(error) as rejected:
        parse(**{name: value})
    assert message in str(rejected.value)
    assert f"--{name.removesuffix('_name').replace('_', '-')}" in str(rejected.value)
    assert "\n" not in str(rejected.value)


def test_one_credential_is_not_enough() -> None:
    """A request with one of the three credentials is neither a rehearsal nor a release: the others are named."""
    request = parse(docker_username=secret("someone"))
    with pytest.raises(MissingCredential) as missing:
        request.servers()
    assert missing.value.cause == "missing DOCKER_PASSWORD (--docker-password) and TOKEN (--infra-token)"


@pytest.mark.fault(35)
@pytest.mark.parametrize(
    ("name", "label"),
    [("docker_username", "DOCKER_USERNAME"), ("docker_password", "DOCKER_PASSWORD"), ("infra_token", "TOKEN")],
)
async def test_an_empty_credential_is_rejected(name: str, label: str) -> None:
    """A credential with an empty value is an error in one line that names it, and no other."""
    values = {given: secret("x") for given in ("docker_username", "docker_password", "infra_token")}
    credentials = parse(**values | {name: secret("")}).credentials
    with pytest.raises(MissingCredential) as rejected:
        await credentials.raise_if_empty()
    assert str(rejected.value).count("\n") == 0
    assert f"{label} is empty" in str(rejected.value)


@pytest.mark.fault(35)
@pytest.mark.parametrize("name", VARIABLES)
async def test_an_empty_variable_is_rejected(name: str) -> None:
    """A variable of the service with an empty value is an error that names it."""
    with pytest.raises(MissingCredential, match=f"{name} is empty"):
        await without_line_breaks(parse(**{name.lower(): secret("")}).variables)


@pytest.mark.fault(35)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
async def test_a_credential_has_no_line_break_at_its_end(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """Line breaks at the end of a credential or a variable, as of a file, are removed; other values are unchanged."""
    given = {name: secret(f"x y {end}") for name in ("docker_username", "docker_password", "infra_token", "model_uri")}
    unchanged = secret("two\nlines")
    request = parse(**given, experiment_name=unchanged)
    login = await request.credentials.registry_login()
    assert login
    assert (login.username, login.password, await request.credentials.token()) == ("x y ", "x y ", "x y ")
    monkeypatch.setattr(dag, "set_secret", lambda _, text: secret(text), raising=False)
    variables = await without_line_breaks(request.variables)
    assert variables["EXPERIMENT_NAME"] is unchanged
    assert await variables["MODEL_URI"].plaintext() == "x y "


@pytest.mark.fault(35)
async def test_a_credential_of_line_breaks_is_empty() -> None:
    """A credential of nothing but line breaks, as of an empty file, is empty."""
    with pytest.raises(MissingCredential, match="TOKEN is empty"):
        await parse(infra_token=secret("\r\n")).credentials.token()


@pytest.mark.fault(35)
@pytest.mark.parametrize("key", ["", "\n"])
async def test_an_empty_signing_key_is_rejected(key: str) -> None:
    """A signing key with an empty value is an error that names its flag; without one, there is no key."""
    with pytest.raises(MissingCredential, match=r"^sign: the key of --signing-key is empty; set its variable"):
        await parse(signing_key=secret(key)).signing.signer()
    assert await parse().signing.signer() is None


async def test_no_credentials_are_not_empty_credentials() -> None:
    """A request without credentials passes the check for empty ones."""
    await parse().credentials.raise_if_empty()
