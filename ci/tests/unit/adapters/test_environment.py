"""The certificates and proxies of the environment, as the clients of the registry and of git use them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.servers.loopback import Reply

from stage_ci.adapters.bindings import bind, reach
from stage_ci.adapters.certificates import trusted_certificates
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.adapters.registry import Registry, RetryPolicy
from stage_ci.adapters.rehearsal_database import is_public_reachable
from stage_ci.errors import InfrastructureAccessDenied, InfrastructureUnavailable, InvalidInput, RegistryUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    import dagger
    from tests.unit.adapters.conftest import Scripting, Server

NAMES: Final = ("NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
READ: Final = "/owner/infra.git/info/refs?service=git-upload-pack"

# Dulwich leaves the connection of a rejected request to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


class Container:
    """A container of no engine, which records its services and variables."""

    def __init__(self) -> None:
        self.services: list[str] = []
        self.variables: dict[str, str] = {}

    def with_service_binding(self, name: str, _: object) -> Container:
        """Record a service."""
        self.services.append(name)
        return self

    def with_env_variable(self, name: str, value: str) -> Container:
        """Record a variable."""
        self.variables[name] = value
        return self


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Return a folder with an authority's certificate, and one for 127.0.0.1 with its key; without optional fields."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("authority", "server")]
    now = datetime.now(UTC)
    certificates = []
    for key, name in zip(keys, names, strict=True):
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(names[0]).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        if name is names[0]:
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        else:
            address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
            builder = builder.add_extension(address, critical=False)
        certificates.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    key_pem = keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "authority.pem").write_bytes(certificates[0])
    (tmp_path / "server.pem").write_bytes(certificates[1] + key_pem)
    return tmp_path


@pytest.fixture
def secure(server: Server, authority: Path) -> str:
    """Return the https URL of the server, whose certificate is signed by the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    server.encrypt(context)
    return f"https://{server.host}"


async def test_the_registry_is_verified_by_the_system(
    server: Server, secure: str, authority: Path, script: Scripting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry whose certificate a company signed is trusted if the company's is among the system's, and else not."""
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}))
    policy = RetryPolicy(attempts=1)
    async with Registry(secure, "owner/service", policy=policy) as registry:
        with pytest.raises(
            RegistryUnavailable, match=r"cannot be reached: .*certificate verify failed.*; add the auth"
        ):
            await registry.tags()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "authority.pem"))
    async with Registry(secure, "owner/service", policy=policy) as registry:
        assert await registry.tags() == ["v1.0.1"]


async def test_the_git_server_is_verified_by_the_system(
    server: Server, secure: str, authority: Path, script: Scripting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The git server is trusted by the same certificates as the registry."""
    server.on(f"GET {READ}", script.reply(401))
    with pytest.raises(InfrastructureUnavailable, match="; add the authority that signed the server's certificate"):
        await Infrastructure(f"{secure}/owner/infra.git").refs("refs/")
    assert server.lines == []
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "authority.pem"))
    with pytest.raises(InfrastructureAccessDenied, match="HTTP status 401"):
        await Infrastructure(f"{secure}/owner/infra.git").refs("refs/")


def test_missing_certificates_are_invalid_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that names a file which does not exist is reported, instead of distrust in every server."""
    monkeypatch.setenv("SSL_CERT_FILE", "/does/not/exist.pem")
    with pytest.raises(InvalidInput, match=r"SSL_CERT_FILE names no file: '/does/not/exist\.pem'; correct it"):
        trusted_certificates()


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_without_certificates_is_invalid_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    """A file that holds no certificate is reported, instead of distrust in every server."""
    (tmp_path / "ca.pem").write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(InvalidInput, match=r"SSL_CERT_FILE names a file without readable certificates: '.*ca\.pem'"):
        trusted_certificates()


def test_a_missing_folder_of_certificates_is_invalid_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a list of folders, one must exist, as OpenSSL and Go read it."""
    monkeypatch.setenv("SSL_CERT_DIR", "/does/not/exist")
    with pytest.raises(InvalidInput, match="SSL_CERT_DIR names no folder: '/does/not/exist'; correct it"):
        trusted_certificates()
    monkeypatch.setenv("SSL_CERT_DIR", f"/does/not/exist:{tmp_path}")
    assert trusted_certificates().verify_mode is ssl.CERT_REQUIRED


def test_a_system_without_certificates_trusts_those_of_certifi(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a system that has no certificates, those of the package certifi are used; else only the system's."""
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=None, capath=None))
    assert trusted_certificates().cert_store_stats()["x509_ca"] > 50


def test_authorities_without_optional_fields_are_trusted() -> None:
    """The strict checks of Python 3.13 are off, because git, skopeo and Trivy do not make them either."""
    context = trusted_certificates()
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    "setting", ["http_proxy=http://robot:pass%3Aword@{host}", "HTTP_PROXY=robot:pass%3Aword@{host}"]
)
async def test_git_uses_the_proxy_of_the_scheme(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    """The git client sends its requests to the proxy of the URL's scheme, with the user of the proxy's URL."""
    variable, _, value = setting.partition("=")
    monkeypatch.setenv(variable, value.format(host=other.host))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(InfrastructureAccessDenied):  # the proxy answers 404
        await Infrastructure(f"{server.url}/owner/infra.git").refs("refs/")
    assert (server.lines, other.lines) == ([], [f"GET {server.url}{READ}"])
    assert other.requests[0].headers["proxy-authorization"] == "Basic cm9ib3Q6cGFzczp3b3Jk"


@pytest.mark.parametrize(
    ("settings", "used"),
    [
        ("HTTPS_PROXY={proxy}", False),
        ("ALL_PROXY={proxy}", True),
        ("http_proxy={proxy} NO_PROXY=fd00::/8,127.0.0.0/8", False),
        ("http_proxy={proxy} no_proxy={host}", False),
        ("http_proxy={proxy} no_proxy=127.0.0.1:1", True),
    ],
)
async def test_git_and_registry_use_the_same_proxies(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch, settings: str, *, used: bool
) -> None:
    """Both clients use a proxy for the same hosts."""
    for setting in settings.format(proxy=other.url, host=server.host).split():
        monkeypatch.setenv(*setting.split("=", 1))
    with pytest.raises(InfrastructureAccessDenied):  # both servers answer 404
        await Infrastructure(f"{server.url}/owner/infra.git").refs("refs/")
    async with Registry(server.url, "owner/service") as registry:
        with pytest.raises(RegistryUnavailable, match="answered 404"):
            await registry.tags()
    targets = {f"GET {server.url if used else ''}{path}" for path in (READ, "/v2/owner/service/tags/list")}
    assert targets <= set(other.lines if used else server.lines)
    assert (server.lines if used else other.lines) == []


async def test_a_socks_proxy_of_git_is_invalid_input(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The git client names a SOCKS proxy as the registry's client does."""
    monkeypatch.setenv("ALL_PROXY", "socks5://canary.example")
    with pytest.raises(InvalidInput, match="invalid proxy in ALL_PROXY: SOCKS proxies are not supported") as error:
        await Infrastructure(f"{server.url}/owner/infra.git").refs("refs/")
    assert "canary" not in str(error.value)


@pytest.mark.parametrize(("status", "remedy"), [(403, "whether it lets the engine connect"), (407, "the password of")])
async def test_a_proxy_that_denies_the_git_server_is_named(
    other: Server, monkeypatch: pytest.MonkeyPatch, status: int, remedy: str
) -> None:
    """The error about a proxy that does not connect to the git server names its variable and what can help."""
    monkeypatch.setenv("ALL_PROXY", other.url)
    other.on("CONNECT git.example:443", Reply(status))
    with pytest.raises(
        InfrastructureUnavailable, match=rf"through the proxy in ALL_PROXY failed: .*{status}.*; .*{remedy}"
    ):
        await Infrastructure("https://git.example/owner/infra.git").refs("refs/")


async def test_a_started_service_is_reached_past_the_proxy(
    server: Server, other: Server, script: Scripting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service of the engine is reached directly, although the environment has a proxy, which does not know it."""
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}))
    monkeypatch.setenv("HTTP_PROXY", other.url)
    monkeypatch.setenv("NO_PROXY", "a.example")
    monkeypatch.setenv("no_proxy", "a.example")  # restored after the test
    assert reach(server.url) == server.url
    async with script.registry(server) as registry:
        assert await registry.tags() == ["v1.0.1"]
    assert other.lines == []


@pytest.mark.parametrize(
    ("proxy", "listed"), [("", {}), ("http://proxy.example", dict.fromkeys(("NO_PROXY", "no_proxy"), "a,registry"))]
)
def test_a_bound_service_is_reached_past_the_proxy(
    monkeypatch: pytest.MonkeyPatch, proxy: str, listed: dict[str, str]
) -> None:
    """The commands of a container reach a bound service directly; without a proxy, no variable is set."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "a")
    container = Container()
    _ = bind(cast("dagger.Container", container), "registry", cast("dagger.Service", "of no engine"))
    assert (container.services, container.variables) == (["registry"], listed)


@pytest.mark.parametrize("status", [407, 502])
async def test_a_proxy_that_blocks_the_public_database_makes_it_unreachable(
    other: Server, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Behind a proxy that does not connect to the public database, a rehearsal uses the sample database."""
    monkeypatch.setenv("https_proxy", other.url)
    other.on("CONNECT mirror.gcr.io:443", Reply(status))
    assert not await is_public_reachable()
    assert other.lines == ["CONNECT mirror.gcr.io:443"]
