"""The infrastructure repository behind HTTP: who may write, and servers that answer badly or not at all."""

from __future__ import annotations

import base64
import contextlib
import gc
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from stage_ci.adapters import infrastructure as adapter
from stage_ci.adapters.infrastructure import Infrastructure, claim_object
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


# Dulwich leaves the connection of a refused request to the garbage collector: `collected` makes it run here.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]


class Listener:
    """A port that takes connections and never says anything."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._socket.settimeout(0.05)
        self._taken: list[socket.socket] = []
        self.port: int = self._socket.getsockname()[1]

    def connections(self) -> int:
        """Return how many came in so far."""
        with contextlib.suppress(TimeoutError):
            while True:
                self._taken.append(self._socket.accept()[0])
        return len(self._taken)

    def close(self) -> None:
        """End what waits."""
        self.connections()
        self._socket.close()
        for taken in self._taken:
            taken.close()


@contextlib.contextmanager
def refused_without(secret: str, url: str) -> Iterator[None]:
    """Expect a refusal that names the server, and the secret nowhere: not in the text, not in what it came from."""
    with pytest.raises(InfrastructureAccessDenied) as refused:
        yield
    told = [refused.value, refused.value.__cause__, *refused.value.args]
    encoded = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
    assert url in str(refused.value)
    assert not [text for text in map(repr, told) if secret in text or encoded in text]


@pytest.fixture(scope="module")
def collected() -> Iterator[None]:
    """Close what nobody refers to any more."""
    yield
    gc.collect()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """Return the bound of an exchange, made small."""
    monkeypatch.setattr(adapter, "EXCHANGE_LIMIT", 0.2)
    return 0.2


@pytest.fixture
def silent() -> Iterator[Listener]:
    """Return a port that never answers."""
    listener = Listener()
    yield listener
    listener.close()


async def test_the_right_token_reads_and_writes(repository: GitRepository, http_git: GitProxy, token: str) -> None:
    """Claims and commits over HTTP are those of any other transport."""
    infrastructure = Infrastructure(http_git.url(repository), token)
    snapshot = await infrastructure.snapshot("main")
    commit = await infrastructure.commit(snapshot, "main", MANIFEST, b"image: two\n", "two")
    await infrastructure.create(CLAIM, "claim\n")
    refs = await infrastructure.refs()
    assert (refs["refs/heads/main"], refs[CLAIM]) == (commit, claim_object("claim\n"))
    assert repository.git("rev-parse", "main^").strip() == snapshot.commit


@pytest.mark.fault(18)
async def test_a_wrong_token_is_a_refusal_that_does_not_repeat_it(
    repository: GitRepository, http_git: GitProxy
) -> None:
    """Refused at the first request, and the token is in no message."""
    url = http_git.url(repository)
    infrastructure = Infrastructure(url, WRONG)
    for question in (infrastructure.refs(), infrastructure.snapshot("main"), infrastructure.create(CLAIM, "claim\n")):
        with refused_without(WRONG, url):
            await question
    assert http_git.statuses == [401, 401, 401]


@pytest.mark.fault(18)
async def test_a_token_that_may_not_write_is_a_refusal(repository: GitRepository, http_git: GitProxy) -> None:
    """403 is what hosting services answer to a token that may only read."""
    url = http_git.url(repository)
    with refused_without(f"reader-{WRONG}", url):
        await Infrastructure(url, f"reader-{WRONG}").create(CLAIM, "claim\n")
    assert http_git.statuses == [403]


@pytest.mark.fault(18)
async def test_a_token_that_no_header_holds_is_a_refusal(repository: GitRepository, http_git: GitProxy) -> None:
    """A typographic dash out of a document is no reason to try for minutes, or for a traceback."""
    url = http_git.url(repository)
    with refused_without(f"{WRONG}\N{EM DASH}", url):
        await Infrastructure(url, f"{WRONG}\N{EM DASH}").refs()


@pytest.mark.fault(18)
async def test_no_token_where_one_is_needed_is_a_refusal(repository: GitRepository, http_git: GitProxy) -> None:
    """Nobody in particular may not read."""
    with pytest.raises(InfrastructureAccessDenied, match="does not accept"):
        await Infrastructure(http_git.url(repository)).refs()
    assert [request.authorization for request in http_git.requests] == [""]


@pytest.mark.fault(18)
async def test_a_missing_repository_over_http_is_a_refusal(
    repository: GitRepository, http_git: GitProxy, token: str
) -> None:
    """404 is also what hosting services answer about a repository that the token may not see."""
    url = http_git.url(repository).replace("infra.git", "absent.git")
    with refused_without(token, url):
        await Infrastructure(url, token).refs()
    assert http_git.statuses == [404]


@pytest.mark.fault(18)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_the_token_does_not_follow_to_another_host(
    server: Server, other: Server, script: Scripting, status: int
) -> None:
    """A redirect may lead elsewhere, the token is for the one server."""
    there = f"{other.url}/owner/infra.git/info/refs?service=git-upload-pack"
    server.on(READ, script.reply(status, headers={"Location": there}))
    other.on(READ, script.reply(body=VERSION_2, headers=ADVERTISED))
    with pytest.raises(StageError):
        await Infrastructure(f"{server.url}/owner/infra.git", WRONG).refs()
    assert [request.authorization for request in server.requests] != [""]
    assert [request.authorization for request in other.requests if request.authorization] == []


@pytest.mark.fault(28)
@pytest.mark.parametrize("scheme", ["git", "http"])
async def test_nobody_listening_is_unavailable(scheme: str) -> None:
    """A server that is down may be up again, so this is no refusal."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"{scheme}://127.0.0.1:{free.getsockname()[1]}/owner/infra.git"
    with pytest.raises(InfrastructureUnavailable, match=r"127\.0\.0\.1"):
        await Infrastructure(url).refs()


@pytest.mark.fault(28)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_an_overloaded_server_is_unavailable(server: Server, script: Scripting, status: int) -> None:
    """It may answer the next time."""
    server.on(READ, script.reply(status, b"<html>"))
    with pytest.raises(InfrastructureUnavailable, match=str(status)):
        await Infrastructure(f"{server.url}/owner/infra.git").refs()


@pytest.mark.fault(28)
@pytest.mark.parametrize("body", [b"", b"<html>maintenance</html>", b"{}", b"a b c\nd e f\n"])
async def test_a_page_that_is_not_git_s_is_unavailable(server: Server, script: Scripting, body: bytes) -> None:
    """What a proxy shows with status 200 is no empty repository."""
    server.on(READ, script.reply(body=body, headers={"Content-Type": "text/html"}))
    with pytest.raises(InfrastructureUnavailable, match="does not answer as a git server"):
        await Infrastructure(f"{server.url}/owner/infra.git").refs()


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
async def test_git_s_own_answer_in_pieces_is_unavailable(server: Server, script: Scripting, body: bytes) -> None:
    """Half of an answer, or one of another protocol, is none."""
    server.on(READ, script.reply(body=body, headers=ADVERTISED))
    with pytest.raises(InfrastructureUnavailable, match="does not answer as a git server"):
        await Infrastructure(f"{server.url}/owner/infra.git").refs()


@pytest.mark.fault(28)
@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_server_that_breaks_off_is_unavailable(server: Server, script: Scripting, how: str) -> None:
    """In the middle of its answer, or before it."""
    server.on(READ, script.reply(body=VERSION_2[:20], headers=ADVERTISED, cut=how == "cut", reset=how == "reset"))
    with pytest.raises(InfrastructureUnavailable):
        await Infrastructure(f"{server.url}/owner/infra.git").refs()


@pytest.mark.fault(28)
@pytest.mark.parametrize("body", [b"", b"003fabc", b"0000", b"zzzz", b"000dpackfile\n0006\x01P"])
async def test_objects_that_do_not_arrive_are_unavailable(server: Server, script: Scripting, body: bytes) -> None:
    """The refs were listed, the objects are cut short or never sent."""
    listing = b"003d" + b"1" * 40 + b" refs/heads/main\n0000"
    server.on(READ, script.reply(body=VERSION_2, headers=ADVERTISED))
    server.on(
        "POST /owner/infra.git/git-upload-pack",
        script.reply(body=listing, headers=RESULT),
        script.reply(body=body, headers=RESULT),
    )
    with pytest.raises(InfrastructureUnavailable):
        await Infrastructure(f"{server.url}/owner/infra.git").snapshot("main")


@pytest.mark.fault(28)
@pytest.mark.parametrize("scheme", ["git", "http"])
async def test_a_stalled_server_is_left_within_the_bound(silent: Listener, quick: float, scheme: str) -> None:
    """Whatever is asked of it."""
    infrastructure = Infrastructure(f"{scheme}://127.0.0.1:{silent.port}/owner/infra.git")
    start = time.monotonic()
    with pytest.raises(InfrastructureUnavailable, match="did not answer within"):
        await infrastructure.create(CLAIM, "claim\n")
    assert quick <= time.monotonic() - start < quick + 1


@pytest.mark.fault(28)
async def test_a_server_that_stalls_in_the_middle_is_left(server: Server, script: Scripting, quick: float) -> None:
    """The bound is for the whole exchange, not only for its first answer."""
    server.on(READ, script.reply(body=VERSION_2, headers=ADVERTISED))
    server.on("POST /owner/infra.git/git-upload-pack", script.reply(stall=True))
    start = time.monotonic()
    with pytest.raises(InfrastructureUnavailable):
        await Infrastructure(f"{server.url}/owner/infra.git").snapshot("main")
    assert time.monotonic() - start < quick + 1


@pytest.mark.fault(28)
async def test_a_server_that_was_left_is_not_asked_again(silent: Listener, quick: float) -> None:
    """The run has moved on; a request behind its back could still write."""
    with pytest.raises(InfrastructureUnavailable):
        await Infrastructure(f"http://127.0.0.1:{silent.port}/owner/infra.git").refs()
    await anyio.sleep(2 * quick)
    assert silent.connections() == 1


@pytest.mark.fault(28)
@pytest.mark.parametrize("scheme", ["git", "http"])
def test_a_stalled_server_does_not_keep_the_program_alive(silent: Listener, quick: float, scheme: str) -> None:
    """A run that gave up also ends, and a thread that waits would hold it back."""
    before = set(threading.enumerate())
    with pytest.raises(InfrastructureUnavailable):
        anyio.run(Infrastructure(f"{scheme}://127.0.0.1:{silent.port}/owner/infra.git").refs)
    started = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    for thread in started:
        thread.join(2 * quick)
    assert [thread for thread in started if thread.is_alive()] == []
