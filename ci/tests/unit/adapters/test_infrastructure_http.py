"""The infrastructure repository over HTTP: access control, and servers that fail or stall."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from stage_ci.adapters import infrastructure as adapter
from stage_ci.adapters.git_objects import text_object
from stage_ci.adapters.infrastructure import Infrastructure
from stage_ci.errors import InfrastructureAccessDenied, InfrastructureUnavailable, StageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.git import GitProxy, GitRepository
    from tests.unit.adapters.conftest import Scripting, Server

MANIFEST: Final = "manifests/default/svm.yaml"
CLAIM: Final = "refs/claims/docker.io/owner/service/v1.0.1"
WRONG: Final = "canary-wrong-0b5e"
READ: Final = "GET /owner/infra.git/info/refs?service=git-upload-pack"
WRITE: Final = "GET /owner/infra.git/info/refs?service=git-receive-pack"
ADVERTISED: Final = {"Content-Type": "application/x-git-upload-pack-advertisement"}
RESULT: Final = {"Content-Type": "application/x-git-upload-pack-result"}
# gitprotocol-v2(5), "Capability Advertisement".
VERSION_2: Final = b"000eversion 2\n000cls-refs\n0012fetch=shallow\n0000"


# Dulwich leaves the connection of a rejected request to the garbage collector, which `collected` runs here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


class Listener:
    """A port that accepts connections and never sends anything."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._socket.settimeout(0.05)
        self._accepted: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]

    def connections(self) -> int:
        """Return the number of connections so far."""
        with contextlib.suppress(TimeoutError):
            while True:
                self._accepted.append(self._socket.accept()[0])
        return len(self._accepted)

    def close(self) -> None:
        """Close every connection."""
        self.connections()
        self._socket.close()
        for connection in self._accepted:
            connection.close()


@contextlib.contextmanager
def denied_without(secret: str, url: str) -> Iterator[None]:
    """Expect InfrastructureAccessDenied with the URL, and with the secret neither in its text nor in its cause."""
    with pytest.raises(InfrastructureAccessDenied) as denied:
        yield
    shown = [denied.value, denied.value.__cause__, *denied.value.args]
    encoded = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
    assert url in str(denied.value)
    assert not [text for text in map(repr, shown) if secret in text or encoded in text]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """Shorten the time limit of one exchange; return it in seconds."""
    monkeypatch.setattr(adapter, "EXCHANGE_LIMIT", 0.2)
    return 0.2


@pytest.fixture
def silent() -> Iterator[Listener]:
    """Return a port that never sends anything."""
    listener = Listener()
    yield listener
    listener.close()


async def test_a_valid_token_reads_and_writes(repository: GitRepository, http_git: GitProxy, token: str) -> None:
    """With a valid token, claims and commits over HTTP work as over any other transport."""
    infrastructure = Infrastructure(http_git.url(repository), token)
    snapshot = await infrastructure.snapshot("main", MANIFEST)
    commit = await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    await infrastructure.create(CLAIM, "claim\n")
    refs = await infrastructure.refs("refs/")
    assert (refs["refs/heads/main"], refs[CLAIM]) == (commit, text_object("claim\n"))
    assert repository.git("rev-parse", "main^").strip() == snapshot.commit


@pytest.mark.fault(18)
async def test_an_invalid_token_is_denied_access(repository: GitRepository, http_git: GitProxy) -> None:
    """An invalid token fails at the first request, and the error does not contain it."""
    url = http_git.url(repository)
    infrastructure = Infrastructure(url, WRONG)
    for operation in (
        infrastructure.refs("refs/"),
        infrastructure.snapshot("main", MANIFEST),
        infrastructure.create(CLAIM, "claim\n"),
    ):
        with denied_without(WRONG, url):
            await operation
    assert http_git.statuses == [401, 401, 401]


@pytest.mark.fault(18)
async def test_a_read_only_token_is_denied_write_access(repository: GitRepository, http_git: GitProxy) -> None:
    """A 403, which hosting services answer to a read-only token, fails at the first request."""
    url = http_git.url(repository)
    with denied_without(f"reader-{WRONG}", url):
        await Infrastructure(url, f"reader-{WRONG}").create(CLAIM, "claim\n")
    assert http_git.statuses == [403]


@pytest.mark.fault(18)
async def test_a_token_of_other_characters_is_denied_access(repository: GitRepository, http_git: GitProxy) -> None:
    """A token with characters other than printable ASCII, such as a typographic dash, fails before any request."""
    url = http_git.url(repository)
    with denied_without(f"{WRONG}\N{EM DASH}", url):
        await Infrastructure(url, f"{WRONG}\N{EM DASH}").refs("refs/")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_a_token_from_a_file_is_accepted(
    repository: GitRepository, http_git: GitProxy, token: str, end: str
) -> None:
    """A token that ends with a line break, as of a file, is sent without it."""
    assert await Infrastructure(http_git.url(repository), f"{token}{end}").refs("refs/heads/")


@pytest.mark.fault(18)
async def test_anonymous_access_to_a_private_repository_is_denied(
    repository: GitRepository, http_git: GitProxy
) -> None:
    """A repository that requires a token denies access without one at the first request."""
    with pytest.raises(InfrastructureAccessDenied, match="does not accept"):
        await Infrastructure(http_git.url(repository)).refs("refs/")
    assert [request.authorization for request in http_git.requests] == [""]


@pytest.mark.fault(18)
async def test_a_404_is_denied_access(repository: GitRepository, http_git: GitProxy, token: str) -> None:
    """A 404 is denied access, because hosting services also answer it for repositories that the token cannot see."""
    url = http_git.url(repository).replace("infra.git", "absent.git")
    with denied_without(token, url):
        await Infrastructure(url, token).refs("refs/")
    assert http_git.statuses == [404]


@pytest.mark.fault(18)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_the_token_is_not_sent_to_another_host(
    server: Server, other: Server, script: Scripting, status: int
) -> None:
    """A redirect to another host does not carry the token."""
    there = f"{other.url}/owner/infra.git/info/refs?service=git-upload-pack"
    server.on(READ, script.reply(status, headers={"Location": there}))
    other.on(READ, script.reply(body=VERSION_2, headers=ADVERTISED))
    with pytest.raises(StageError):
        await Infrastructure(f"{server.url}/owner/infra.git", WRONG).refs("refs/")
    assert [request.authorization for request in server.requests] != [""]
    assert [request.authorization for request in other.requests if request.authorization] == []


@pytest.mark.fault(28)
@pytest.mark.parametrize("scheme", ["git", "http"])
async def test_a_refused_connection_is_unavailable(scheme: str) -> None:
    """A refused connection is InfrastructureUnavailable, which is retried, and not denied access."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"{scheme}://127.0.0.1:{free.getsockname()[1]}/owner/infra.git"
    with pytest.raises(InfrastructureUnavailable, match=r"127\.0\.0\.1"):
        await Infrastructure(url).refs("refs/")


@pytest.mark.fault(28)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_an_overloaded_server_is_unavailable(server: Server, script: Scripting, status: int) -> None:
    """A 408, 429 or 5xx is InfrastructureUnavailable and names the status."""
    server.on(READ, script.reply(status, b"<html>"))
    with pytest.raises(InfrastructureUnavailable, match=str(status)):
        await Infrastructure(f"{server.url}/owner/infra.git").refs("refs/")


@pytest.mark.fault(28)
@pytest.mark.parametrize("body", [b"", b"<html>maintenance</html>", b"{}", b"a b c\nd e f\n"])
async def test_a_page_of_a_proxy_is_unavailable(server: Server, script: Scripting, body: bytes) -> None:
    """A proxy's page with status 200 is InfrastructureUnavailable and not read as an empty repository."""
    server.on(READ, script.reply(body=body, headers={"Content-Type": "text/html"}))
    with pytest.raises(InfrastructureUnavailable, match=r"the git request to .* failed: \w+"):
        await Infrastructure(f"{server.url}/owner/infra.git").refs("refs/")


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>maintenance</html>",
        b"000",
        b"000eversion 2\n",
        b"000eversion 9\n0000",
        b"000dversion 2",
        b"zzzz",
        b"0010version 2\n\xff\xff0000",
        b"0001" * 3,
        b"001e# service=git-upload-pack\n00000008abcd0000",
        b"001e# service=git-upload-pack\n0000003f" + b"z" * 40 + b" refs/heads/main\0\n0000",
    ],
)
async def test_an_invalid_git_response_is_unavailable(server: Server, script: Scripting, body: bytes) -> None:
    """A truncated git response, or one of another protocol version, is InfrastructureUnavailable."""
    server.on(READ, script.reply(body=body, headers=ADVERTISED))
    with pytest.raises(InfrastructureUnavailable, match=r"the git request to .* failed: \w+"):
        await Infrastructure(f"{server.url}/owner/infra.git").refs("refs/")


@pytest.mark.fault(28)
@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_broken_connection_is_unavailable(server: Server, script: Scripting, how: str) -> None:
    """A connection that is closed or reset during the response is InfrastructureUnavailable."""
    server.on(READ, script.reply(body=VERSION_2[:20], headers=ADVERTISED, cut=how == "cut", reset=how == "reset"))
    with pytest.raises(InfrastructureUnavailable):
        await Infrastructure(f"{server.url}/owner/infra.git").refs("refs/")


@pytest.mark.fault(28)
@pytest.mark.parametrize("body", [b"", b"003fabc", b"0000", b"zzzz", b"000dpackfile\n0006\x01P"])
async def test_missing_objects_are_unavailable(server: Server, script: Scripting, body: bytes) -> None:
    """A snapshot whose objects are truncated or missing after the ref listing is InfrastructureUnavailable."""
    listing = b"003d" + b"1" * 40 + b" refs/heads/main\n0000"
    server.on(READ, script.reply(body=VERSION_2, headers=ADVERTISED))
    server.on(
        "POST /owner/infra.git/git-upload-pack",
        script.reply(body=listing, headers=RESULT),
        script.reply(body=body, headers=RESULT),
    )
    with pytest.raises(InfrastructureUnavailable):
        await Infrastructure(f"{server.url}/owner/infra.git").snapshot("main", MANIFEST)


@pytest.mark.fault(28)
@pytest.mark.parametrize("scheme", ["git", "http"])
async def test_a_stalled_server_times_out(silent: Listener, quick: float, scheme: str) -> None:
    """A server that accepts the connection and sends nothing fails at the time limit of one exchange."""
    infrastructure = Infrastructure(f"{scheme}://127.0.0.1:{silent.port}/owner/infra.git")
    start = time.monotonic()
    with pytest.raises(InfrastructureUnavailable, match="did not answer within"):
        await infrastructure.create(CLAIM, "claim\n")
    assert quick <= time.monotonic() - start < quick + 1


@pytest.mark.fault(28)
async def test_the_time_limit_covers_the_whole_exchange(server: Server, script: Scripting, quick: float) -> None:
    """A server that stalls after its first response fails at the time limit of one exchange."""
    server.on(READ, script.reply(body=VERSION_2, headers=ADVERTISED))
    server.on("POST /owner/infra.git/git-upload-pack", script.reply(stall=True))
    start = time.monotonic()
    with pytest.raises(InfrastructureUnavailable):
        await Infrastructure(f"{server.url}/owner/infra.git").snapshot("main", MANIFEST)
    assert time.monotonic() - start < quick + 1


@pytest.mark.fault(28)
async def test_an_abandoned_exchange_sends_no_further_request(silent: Listener, quick: float) -> None:
    """An abandoned exchange sends no further request, which could write after the run has moved on."""
    with pytest.raises(InfrastructureUnavailable):
        await Infrastructure(f"http://127.0.0.1:{silent.port}/owner/infra.git").refs("refs/")
    await anyio.sleep(2 * quick)
    assert silent.connections() == 1


@pytest.mark.fault(28)
@pytest.mark.parametrize("scheme", ["git", "http"])
def test_a_stalled_server_does_not_keep_the_program_alive(silent: Listener, quick: float, scheme: str) -> None:
    """After the time limit of a stalled server, no thread is left that the interpreter joins before it exits."""
    before = set(threading.enumerate())
    with pytest.raises(InfrastructureUnavailable):
        anyio.run(Infrastructure(f"{scheme}://127.0.0.1:{silent.port}/owner/infra.git").refs)
    started = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    for thread in started:
        thread.join(2 * quick)
    assert [thread for thread in started if thread.is_alive()] == []
