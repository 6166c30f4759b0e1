"""What a registry does not have, or seems not to have, read from real HTTP servers on the loopback interface."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable, RepositoryMissing
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.image import Artifact

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server

IMAGE: Final = json.dumps({"schemaVersion": 2, "config": {"digest": f"sha256:{'1' * 64}"}, "layers": []}).encode()
DIGEST: Final = f"sha256:{hashlib.sha256(IMAGE).hexdigest()}"


@pytest.mark.fault(5)
@pytest.mark.parametrize(
    "body", [b"", b"<html><h1>404</h1></html>", b'{"errors": [{"code": "UNKNOWN"}]}', b"not found"]
)
@pytest.mark.parametrize("support", ["200", "401", "header"])
async def test_a_404_of_a_registry_needs_no_error_code(
    server: Server, script: Scripting, body: bytes, support: str
) -> None:
    """A 404 without a code means an empty repository and a free tag if the host serves the API of a registry."""
    version = {"Docker-Distribution-API-Version": "registry/2.0"}
    missing = script.reply(404, body, version if support == "header" else {})
    server.on("GET tags/list", missing)
    server.on("GET manifests/v1.0.1", missing)
    server.on("GET /v2/", script.reply(200, b"{}"))
    if support == "401":
        server.on("GET /v2/", script.json({}, 401, WWW_Authenticate="Basic"))
    async with script.registry(server) as registry:
        assert (await registry.tags(), await registry.digest("v1.0.1")) == ([], None)
    assert server.lines.count("GET /v2/") == (0 if support == "header" else 1)


@pytest.mark.fault(8)
@pytest.mark.parametrize(("status", "body"), [(404, b""), (200, b"\n<html>"), (401, b""), (403, b""), (302, b"")])
async def test_a_404_of_another_host_is_not_an_empty_repository(
    server: Server, other: Server, script: Scripting, status: int, body: bytes
) -> None:
    """A 404 without a code is an error if the host does not serve the API, such as a proxy or a wrong address."""
    server.on("GET tags/list", script.reply(404, b"<html>"))
    server.on("GET /v2/", script.reply(status, body, {"Location": other.url}))
    other.on("GET /", script.reply(200, b"{}"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="owner/service answered 404;"):
            await registry.tags()


@pytest.mark.fault(5)
@pytest.mark.parametrize("code", ["UNAUTHORIZED", "DENIED"])
async def test_a_404_about_access_is_not_an_empty_repository(server: Server, script: Scripting, code: str) -> None:
    """A 404 whose code is about access fails the listing, as a registry hides what a user may not read."""
    server.on("GET tags/list", script.error(code))
    server.on("GET /v2/", script.reply())
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=rf"answered 404 \({code}\): as scripted"):
            await registry.tags()


@pytest.mark.parametrize(
    "broken",
    [{"status": status} for status in (400, 403, 404, 405, 408, 500, 501, 502, 503)]
    + [{"reset": True}, {"headers": {"Docker-Content-Digest": "sha256:12"}}, {"headers": {}}],
    ids=str,
)
async def test_a_head_that_fails_is_followed_by_a_get(
    server: Server, script: Scripting, waits: list[float], broken: dict[str, object]
) -> None:
    """The digest is computed from a GET if a proxy rejects HEAD, or mangles the header with the digest."""
    server.on("HEAD manifests/v1.0.1", script.reply(**broken))  # type: ignore[arg-type]  # one keyword for each way
    server.on("GET manifests/v1.0.1", script.reply(body=IMAGE))
    async with script.registry(server) as registry:
        assert str(await registry.digest("v1.0.1")) == DIGEST
    assert ([line.partition(" ")[0] for line in server.lines], waits) == (["HEAD", "GET"], [])


@pytest.mark.fault(6)
async def test_the_reason_of_a_denied_head_comes_from_the_get(server: Server, script: Scripting) -> None:
    """A HEAD that is denied has no body, so the GET after it gives the reason."""
    server.on("HEAD manifests/v1.0.1", script.reply(403))
    server.on("GET manifests/v1.0.1", script.error("DENIED", 403))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryAccessDenied, match=r"answered 403 \(DENIED\): as scripted"):
            await registry.digest("v1.0.1")


@pytest.mark.fault(7)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_head_that_asks_to_wait_is_not_followed_by_a_get(
    server: Server, script: Scripting, waits: list[float], status: int
) -> None:
    """A HEAD that meets a limit or a pause is repeated after that pause; a GET would count against the same limit."""
    limited = script.reply(status, headers={"Retry-After": "7"})
    server.on("HEAD manifests/v1.0.1", limited, script.reply(headers={"Docker-Content-Digest": DIGEST}))
    async with script.registry(server) as registry:
        assert str(await registry.digest("v1.0.1")) == DIGEST
    assert (len(server.lines), int(waits[0])) == (2, 7)


@pytest.fixture
def pushed(server: Server, script: Scripting) -> Server:
    """Return a registry that holds an image manifest under its digest but under no tag."""
    server.on(f"GET manifests/{DIGEST}", script.reply(body=IMAGE))
    server.on("GET manifests/v1", script.error("MANIFEST_UNKNOWN"))
    server.on("PUT manifests/v1", script.reply(201))
    return server


@pytest.mark.fault(15)
async def test_what_was_just_pushed_is_requested_twice(pushed: Server, script: Scripting, waits: list[float]) -> None:
    """An image manifest or a tag that a registry shows only a moment after its push is requested once more."""
    pushed.on(f"GET manifests/{DIGEST}", script.error("MANIFEST_UNKNOWN"), script.reply(body=IMAGE))
    async with script.registry(pushed) as registry:
        assert await registry.tag("v1", Digest.parse(DIGEST)) is None
        pushed.on("GET manifests/v1", script.error("NAME_UNKNOWN"), script.reply(body=IMAGE))
        assert await registry.digest("v1", pushed=True) == Digest.parse(DIGEST)
    assert waits == [1.0, 1.0]


async def test_what_is_still_missing_after_a_push_is_not_requested_again(pushed: Server, script: Scripting) -> None:
    """A tag that is missing in two requests after its push is missing; otherwise one request shows that."""
    async with script.registry(pushed) as registry:
        assert await registry.digest("v1", pushed=True) is None
        assert pushed.lines.count("GET /v2/owner/service/manifests/v1") == 2
        assert await registry.digest("v1") is None
    assert pushed.lines.count("GET /v2/owner/service/manifests/v1") == 3


@pytest.mark.fault(10)
@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 412, 422])
async def test_a_rejected_tag_is_looked_at_twice(pushed: Server, script: Scripting, status: int) -> None:
    """A tag that the registry rejects as taken may be visible only a moment later; its digest is returned."""
    pushed.on("PUT manifests/v1", script.error("TAG_ALREADY_EXISTS", status))
    unknown = script.error("MANIFEST_UNKNOWN")
    pushed.on("GET manifests/v1", unknown, unknown, script.reply(body=b"{}"))
    async with script.registry(pushed) as registry:
        found = await registry.tag("v1", Digest.parse(DIGEST))
    assert str(found) == f"sha256:{hashlib.sha256(b'{}').hexdigest()}"


@pytest.mark.parametrize("code", ["NAME_UNKNOWN", "NOT_FOUND"])
async def test_a_repository_that_no_push_creates_is_missing(pushed: Server, script: Scripting, code: str) -> None:
    """A push into a repository that does not exist, as with Amazon ECR, fails at once and says to create it."""
    pushed.on("PUT manifests/v1", script.error(code))
    pushed.on("POST blobs/uploads/", script.error(code))
    missing = rf"answered 404 \({code}\): as scripted; create the repository"
    async with script.registry(pushed) as registry:
        with pytest.raises(RepositoryMissing, match=missing):
            await registry.tag("v1", Digest.parse(DIGEST))
        with pytest.raises(RepositoryMissing, match=missing):
            await registry.push_artifact("v1", "application/x.config", "application/x.layer", b"db")
    assert [line.split()[0] for line in pushed.lines if line.split()[0] not in {"GET", "HEAD"}] == ["PUT", "POST"]


@pytest.mark.fault(14)
@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("code", ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"])
async def test_a_manifest_whose_part_is_not_visible_yet_is_pushed_again(
    pushed: Server, script: Scripting, status: int, code: str
) -> None:
    """An image manifest that is rejected because a part of it was pushed only just before is pushed again."""
    pushed.on("PUT manifests/v1", script.error(code, status), script.reply(201))
    async with script.registry(pushed) as registry:
        assert await registry.tag("v1", Digest.parse(DIGEST)) is None
    assert pushed.lines.count("PUT /v2/owner/service/manifests/v1") == 2


@pytest.mark.parametrize("status", [400, 403, 405, 500, 501])
async def test_a_blob_whose_head_fails_is_uploaded(server: Server, script: Scripting, status: int) -> None:
    """A blob is uploaded if a proxy rejects the HEAD request for it; an upload of an existing blob changes nothing."""
    artifact = Artifact("application/x.config", "application/x.layer", b"db")
    blobs = [f"sha256:{hashlib.sha256(blob).hexdigest()}" for blob in (artifact.config, b"db")]
    server.on("POST blobs/uploads/", script.reply(202, headers={"Location": "/upload"}))
    server.on("PUT manifests/2", script.reply(202))
    written = script.reply(
        headers={"Docker-Content-Digest": f"sha256:{hashlib.sha256(artifact.manifest()).hexdigest()}"}
    )
    server.on("HEAD manifests/2", script.reply(404), written)
    server.on("GET manifests/2", script.error("NAME_UNKNOWN"))
    for blob in blobs:
        server.on(f"HEAD blobs/{blob}", script.reply(status))
        server.on(f"PUT /upload?digest={blob}", script.reply(200))
    async with script.registry(server) as registry:
        await registry.push_artifact("2", "application/x.config", "application/x.layer", b"db")
    assert [line for line in server.lines if "/upload?" in line] == [f"PUT /upload?digest={blob}" for blob in blobs]
