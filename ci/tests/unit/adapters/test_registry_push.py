"""How a small artifact is put into a registry, shown with a real HTTP server on the loopback interface."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.errors import DigestMismatch, RegistryUnavailable
from stage_ci.rules.reference import Digest

if TYPE_CHECKING:
    from tests.servers.loopback import Reply
    from tests.unit.adapters.conftest import Scripting, Server

    from stage_ci.adapters.registry import Registry

MEDIA_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
UPLOAD: Final = "/v2/owner/service/blobs/uploads/1?state=s"


def digest(content: bytes) -> str:
    """Return the digest of some content, as text."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


LAYER: Final = {
    "mediaType": "application/x.layer",
    "digest": digest(b"db"),
    "size": 2,
    "annotations": {"org.opencontainers.image.title": "db.tar.gz"},
}
MANIFEST: Final = {
    "schemaVersion": 2,
    "mediaType": MEDIA_TYPE,
    "config": {"mediaType": "application/x.config", "digest": digest(b"{}"), "size": 2},
    "layers": [LAYER],
}
BODY: Final = json.dumps(MANIFEST, separators=(",", ":")).encode()


async def put(registry: Registry) -> str:
    """Put the artifact that the manifest above describes; return its digest as text."""
    return str(
        await registry.put_artifact("2", "application/x.config", "application/x.layer", b"db", title="db.tar.gz")
    )


@pytest.fixture
def held(script: Scripting) -> Reply:
    """Return the answer about a manifest that lies in the registry."""
    return script.reply(headers={"Docker-Content-Digest": digest(BODY)})


@pytest.fixture
def taker(server: Server, script: Scripting, held: Reply) -> Server:
    """Return a registry without the artifact that takes it."""
    server.on("HEAD manifests/2", script.reply(404), held)
    server.on("GET manifests/2", script.error("NAME_UNKNOWN"))
    server.on("POST blobs/uploads/", script.reply(202, headers={"Location": UPLOAD}))
    for blob in (b"{}", b"db"):
        server.on(f"PUT {UPLOAD}&digest={digest(blob)}", script.reply(201))
    server.on("PUT manifests/2", script.reply(201))
    return server


async def test_an_artifact_is_put_blobs_first(taker: Server, script: Scripting) -> None:
    """The tag comes last, so that it never points at content that is missing."""
    async with script.registry(taker) as registry:
        assert await put(registry) == digest(BODY)
    puts = [asked for asked in taker.asked if asked.method == "PUT"]
    assert [asked.body for asked in puts] == [b"{}", b"db", BODY]
    assert puts[-1].headers["content-type"] == MEDIA_TYPE


async def test_an_artifact_that_lies_there_is_not_put_again(server: Server, script: Scripting, held: Reply) -> None:
    """The second rehearsal asks once and sends nothing."""
    server.on("HEAD manifests/2", held)
    async with script.registry(server) as registry:
        assert await put(registry) == digest(BODY)
    assert len(server.log) == 1


async def test_a_blob_that_lies_there_is_not_put_again(taker: Server, script: Scripting) -> None:
    """What a run before left behind is used."""
    for blob in (b"{}", b"db"):
        taker.on(f"HEAD blobs/{digest(blob)}", script.reply())
    async with script.registry(taker) as registry:
        await put(registry)
    assert [asked.body for asked in taker.asked if asked.method == "PUT"] == [BODY]


@pytest.mark.fault(14)
async def test_an_upload_that_breaks_off_starts_again(taker: Server, script: Scripting) -> None:
    """Halfway; a new upload is opened, because nobody knows how much of the first one arrived."""
    taker.on(f"PUT {UPLOAD}&digest={digest(b'db')}", script.reply(reset=True), script.reply(201))
    async with script.registry(taker) as registry:
        await put(registry)
    assert taker.log.count("POST /v2/owner/service/blobs/uploads/") == 3
    assert [asked.body for asked in taker.asked if asked.method == "PUT"] == [b"{}", b"d", b"db", BODY]


@pytest.mark.fault(9)
async def test_a_token_that_expires_between_listing_and_pushing_is_replaced_once(
    taker: Server, other: Server, script: Scripting
) -> None:
    """The upload goes on with a fresh one, and the registry is asked for no third."""
    challenge = f'Bearer realm="{other.url}/token"'
    other.on("GET /token", script.json({"token": "t1"}), script.json({"token": "t2"}))
    taker.on("GET tags/list", script.json({"tags": []}))
    taker.demand("Bearer t1", challenge)
    async with script.registry(taker, script.credentials) as registry:
        await registry.tags()
        taker.demand("Bearer t2", challenge)
        assert await put(registry) == digest(BODY)
    assert other.log == ["GET /token", "GET /token"]


@pytest.mark.fault(14)
async def test_no_tag_is_written_when_an_upload_fails(taker: Server, script: Scripting) -> None:
    """No tag points at missing blobs."""
    taker.on(f"PUT {UPLOAD}&digest={digest(b'db')}", script.reply(503))
    async with script.registry(taker) as registry:
        with pytest.raises(RegistryUnavailable, match="answered 503"):
            await put(registry)
    assert "PUT /v2/owner/service/manifests/2" not in taker.log


async def test_an_upload_to_another_host_is_not_followed(taker: Server, other: Server, script: Scripting) -> None:
    """Content and credentials stay with the registry."""
    taker.on("POST blobs/uploads/", script.reply(202, headers={"Location": f"{other.url}/upload"}))
    async with script.registry(taker) as registry:
        with pytest.raises(RegistryUnavailable, match="leads to another host"):
            await put(registry)
    assert other.log == []


@pytest.mark.fault(15)
async def test_another_digest_than_was_put_is_an_error(taker: Server, script: Scripting) -> None:
    """The registry is asked what it holds, and believed only if it is the same."""
    foreign = script.reply(headers={"Docker-Content-Digest": digest(b"foreign")})
    taker.on("HEAD manifests/2", script.reply(404), foreign)
    async with script.registry(taker) as registry:
        with pytest.raises(DigestMismatch, match=f"holds {digest(b'foreign')} after {digest(BODY)} was put there"):
            await put(registry)


@pytest.fixture
def pushed(server: Server, script: Scripting) -> Server:
    """Return a registry that holds the manifest under its digest, and under no tag."""
    server.on(f"GET manifests/{digest(BODY)}", script.reply(body=BODY))
    server.on("HEAD manifests/v1", script.reply(404))
    server.on("GET manifests/v1", script.error("MANIFEST_UNKNOWN"))
    server.on("PUT manifests/v1", script.reply(201))
    return server


async def test_a_tag_is_written_with_the_bytes_of_the_manifest(pushed: Server, script: Scripting) -> None:
    """Other bytes would be another digest."""
    async with script.registry(pushed) as registry:
        assert await registry.tag("v1", Digest.parse(digest(BODY))) is None
    (put_manifest,) = [asked for asked in pushed.asked if asked.method == "PUT"]
    assert (put_manifest.body, put_manifest.headers["content-type"]) == (BODY, MEDIA_TYPE)


@pytest.mark.fault(10)
async def test_a_tag_that_names_something_is_not_written(pushed: Server, script: Scripting) -> None:
    """Whatever it names: the caller decides whose that is."""
    pushed.on("HEAD manifests/v1", script.reply(headers={"Docker-Content-Digest": digest(b"foreign")}))
    async with script.registry(pushed) as registry:
        assert str(await registry.tag("v1", Digest.parse(digest(BODY)))) == digest(b"foreign")
    assert "PUT /v2/owner/service/manifests/v1" not in pushed.log


@pytest.mark.fault(8, 10)
async def test_a_tag_is_looked_at_again_before_it_is_written_again(pushed: Server, script: Scripting) -> None:
    """The line was cut after the write, or before it and then somebody else was faster: neither is overwritten."""
    pushed.on("HEAD manifests/v1", script.reply(404), script.reply(headers={"Docker-Content-Digest": digest(BODY)}))
    pushed.on("PUT manifests/v1", script.reply(reset=True))
    async with script.registry(pushed) as registry:
        assert str(await registry.tag("v1", Digest.parse(digest(BODY)))) == digest(BODY)
    assert pushed.log.count("PUT /v2/owner/service/manifests/v1") == 1


@pytest.mark.fault(14)
async def test_no_tag_is_written_for_a_manifest_that_is_not_there(pushed: Server, script: Scripting) -> None:
    """A registry that lost what it took."""
    pushed.on(f"GET manifests/{digest(BODY)}", script.error("MANIFEST_UNKNOWN"))
    async with script.registry(pushed) as registry:
        with pytest.raises(RegistryUnavailable, match=f"does not hold {digest(BODY)}, which was just pushed"):
            await registry.tag("v1", Digest.parse(digest(BODY)))
    assert "PUT /v2/owner/service/manifests/v1" not in pushed.log
