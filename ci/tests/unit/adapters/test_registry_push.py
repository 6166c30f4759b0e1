"""Pushing a small artifact and writing a tag, tested with a real HTTP server on the loopback interface."""

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
TOKEN: Final = "/token?scope=repository%3Aowner%2Fservice%3Apull%2Cpush"  # noqa: S105 - an address


def digest(content: bytes) -> str:
    """Return the digest of ``content`` as text."""
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


async def push(registry: Registry) -> str:
    """Push the artifact whose image manifest is ``BODY``; return its digest as text."""
    return str(
        await registry.push_artifact("2", "application/x.config", "application/x.layer", b"db", title="db.tar.gz")
    )


@pytest.fixture
def existing(script: Scripting) -> Reply:
    """Return the reply to HEAD for the artifact's image manifest."""
    return script.reply(headers={"Docker-Content-Digest": digest(BODY)})


@pytest.fixture
def accepting(server: Server, script: Scripting, existing: Reply) -> Server:
    """Return a registry that does not hold the artifact yet and accepts it."""
    server.on("HEAD manifests/2", script.reply(404), existing)
    server.on("GET manifests/2", script.error("NAME_UNKNOWN"))
    server.on("POST blobs/uploads/", script.reply(202, headers={"Location": UPLOAD}))
    for blob in (b"{}", b"db"):
        server.on(f"PUT {UPLOAD}&digest={digest(blob)}", script.reply(201))
    server.on("PUT manifests/2", script.reply(201))
    return server


async def test_the_blobs_of_an_artifact_are_pushed_first(accepting: Server, script: Scripting) -> None:
    """The blobs of an artifact are pushed before its tag, so that the tag never points at missing content."""
    async with script.registry(accepting) as registry:
        assert await push(registry) == digest(BODY)
    puts = [request for request in accepting.requests if request.method == "PUT"]
    assert [request.body for request in puts] == [b"{}", b"db", BODY]
    assert puts[-1].headers["content-type"] == MEDIA_TYPE


async def test_an_artifact_that_exists_is_not_pushed_again(server: Server, script: Scripting, existing: Reply) -> None:
    """Pushing an artifact that the tag already points at takes one request and sends no content."""
    server.on("HEAD manifests/2", existing)
    async with script.registry(server) as registry:
        assert await push(registry) == digest(BODY)
    assert len(server.lines) == 1


async def test_a_blob_that_exists_is_not_pushed_again(accepting: Server, script: Scripting) -> None:
    """A blob that the registry already holds, as after an interrupted run, is not uploaded again."""
    for blob in (b"{}", b"db"):
        accepting.on(f"HEAD blobs/{digest(blob)}", script.reply())
    async with script.registry(accepting) as registry:
        await push(registry)
    assert [request.body for request in accepting.requests if request.method == "PUT"] == [BODY]


@pytest.mark.fault(14)
async def test_an_interrupted_upload_is_restarted(accepting: Server, script: Scripting) -> None:
    """An upload that is reset halfway is restarted as a new upload, because the registry's offset is unknown."""
    accepting.on(f"PUT {UPLOAD}&digest={digest(b'db')}", script.reply(reset=True), script.reply(201))
    async with script.registry(accepting) as registry:
        await push(registry)
    assert accepting.lines.count("POST /v2/owner/service/blobs/uploads/") == 3
    assert [request.body for request in accepting.requests if request.method == "PUT"] == [b"{}", b"d", b"db", BODY]


@pytest.mark.fault(14)
@pytest.mark.parametrize(("status", "code"), [(404, "BLOB_UPLOAD_UNKNOWN"), (404, "NOT_FOUND"), (416, "SIZE_INVALID")])
async def test_a_lost_upload_is_restarted(accepting: Server, script: Scripting, status: int, code: str) -> None:
    """An upload that another server of the registry does not know is opened again; the repository is not missing."""
    accepting.on(f"PUT {UPLOAD}&digest={digest(b'db')}", script.error(code, status), script.reply(201))
    async with script.registry(accepting) as registry:
        assert await push(registry) == digest(BODY)
    assert accepting.lines.count("POST /v2/owner/service/blobs/uploads/") == 3


@pytest.mark.fault(14)
async def test_an_upload_that_stays_lost_is_unavailable(accepting: Server, script: Scripting) -> None:
    """An upload that is lost in every attempt is not taken for a repository to be created."""
    accepting.on(f"PUT {UPLOAD}&digest={digest(b'db')}", script.error("BLOB_UPLOAD_UNKNOWN"))
    async with script.registry(accepting) as registry:
        with pytest.raises(RegistryUnavailable, match=r"answered 404 \(BLOB_UPLOAD_UNKNOWN\): as scripted \(attempt 6"):
            await push(registry)


@pytest.mark.fault(9)
async def test_a_token_that_expires_between_listing_and_pushing_is_replaced_once(
    accepting: Server, other: Server, script: Scripting
) -> None:
    """A token that expires between the tag list and the push is replaced by exactly one new token."""
    challenge = f'Bearer realm="{other.url}/token"'
    other.on(f"GET {TOKEN}", script.json({"token": "t1"}), script.json({"token": "t2"}))
    accepting.on("GET tags/list", script.json({"tags": []}))
    accepting.require("Bearer t1", challenge)
    async with script.registry(accepting, script.login) as registry:
        await registry.tags()
        accepting.require("Bearer t2", challenge)
        assert await push(registry) == digest(BODY)
    assert other.lines == [f"GET {TOKEN}", f"GET {TOKEN}"]


@pytest.mark.fault(14)
async def test_no_tag_is_written_when_an_upload_fails(accepting: Server, script: Scripting) -> None:
    """A tag is not written if the upload of a blob fails."""
    accepting.on(f"PUT {UPLOAD}&digest={digest(b'db')}", script.reply(503))
    async with script.registry(accepting) as registry:
        with pytest.raises(RegistryUnavailable, match="answered 503"):
            await push(registry)
    assert "PUT /v2/owner/service/manifests/2" not in accepting.lines


async def test_an_upload_to_another_host_is_not_followed(accepting: Server, other: Server, script: Scripting) -> None:
    """An upload location on another host is an error; content and credentials stay with the registry."""
    accepting.on("POST blobs/uploads/", script.reply(202, headers={"Location": f"{other.url}/upload"}))
    async with script.registry(accepting) as registry:
        with pytest.raises(RegistryUnavailable, match="leads to another host"):
            await push(registry)
    assert other.lines == []


@pytest.mark.fault(15)
async def test_another_digest_than_was_pushed_is_an_error(accepting: Server, script: Scripting) -> None:
    """DigestMismatch is raised if the registry reports another digest after the push of an artifact."""
    foreign = script.reply(headers={"Docker-Content-Digest": digest(b"foreign")})
    accepting.on("HEAD manifests/2", script.reply(404), foreign)
    async with script.registry(accepting) as registry:
        with pytest.raises(DigestMismatch, match=f"2 is {digest(b'foreign')} after {digest(BODY)} was pushed"):
            await push(registry)


@pytest.fixture
def pushed(server: Server, script: Scripting) -> Server:
    """Return a registry that holds the image manifest under its digest but under no tag."""
    server.on(f"GET manifests/{digest(BODY)}", script.reply(body=BODY))
    server.on("HEAD manifests/v1", script.reply(404))
    server.on("GET manifests/v1", script.error("MANIFEST_UNKNOWN"))
    server.on("PUT manifests/v1", script.reply(201))
    return server


async def test_a_tag_is_written_with_the_bytes_of_the_image_manifest(pushed: Server, script: Scripting) -> None:
    """A tag is written with the exact bytes of the image manifest, because other bytes have another digest."""
    async with script.registry(pushed) as registry:
        assert await registry.tag("v1", Digest.parse(digest(BODY))) is None
    (put_manifest,) = [request for request in pushed.requests if request.method == "PUT"]
    assert (put_manifest.body, put_manifest.headers["content-type"]) == (BODY, MEDIA_TYPE)


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_any_success_status_is_a_pushed_tag(pushed: Server, script: Scripting, status: int) -> None:
    """A registry may answer another 2xx than 201 to a pushed image manifest, as Quay does."""
    pushed.on("PUT manifests/v1", script.reply(status))
    async with script.registry(pushed) as registry:
        assert await registry.tag("v1", Digest.parse(digest(BODY))) is None


@pytest.mark.fault(10)
async def test_an_existing_tag_is_not_written(pushed: Server, script: Scripting) -> None:
    """A tag that exists stays unchanged, and the digest that it points at is returned."""
    pushed.on("HEAD manifests/v1", script.reply(headers={"Docker-Content-Digest": digest(b"foreign")}))
    async with script.registry(pushed) as registry:
        assert str(await registry.tag("v1", Digest.parse(digest(BODY)))) == digest(b"foreign")
    assert "PUT /v2/owner/service/manifests/v1" not in pushed.lines


@pytest.mark.fault(8, 10)
async def test_a_tag_is_checked_before_every_write(pushed: Server, script: Scripting) -> None:
    """A retry checks the tag before it writes, because the interrupted write may have succeeded."""
    pushed.on("HEAD manifests/v1", script.reply(404), script.reply(headers={"Docker-Content-Digest": digest(BODY)}))
    pushed.on("PUT manifests/v1", script.reply(reset=True))
    async with script.registry(pushed) as registry:
        assert str(await registry.tag("v1", Digest.parse(digest(BODY)))) == digest(BODY)
    assert pushed.lines.count("PUT /v2/owner/service/manifests/v1") == 1


@pytest.mark.fault(10)
@pytest.mark.parametrize(
    ("status", "code"), [(400, "TAG_INVALID"), (403, "DENIED"), (409, "TAG_ALREADY_EXISTS"), (412, "PRECONDITION")]
)
async def test_a_rejected_write_of_an_immutable_tag_returns_its_digest(
    pushed: Server, script: Scripting, status: int, code: str
) -> None:
    """A tag that the registry rejects because another client wrote it first is returned with its digest."""
    foreign = script.reply(headers={"Docker-Content-Digest": digest(b"foreign")})
    pushed.on("HEAD manifests/v1", script.reply(404), foreign)
    pushed.on("PUT manifests/v1", script.error(code, status))
    async with script.registry(pushed) as registry:
        assert str(await registry.tag("v1", Digest.parse(digest(BODY)))) == digest(b"foreign")


async def test_a_rejected_write_of_a_free_tag_is_an_error(pushed: Server, script: Scripting) -> None:
    """A registry that rejects a tag which does not exist afterwards fails with the reason of the rejection."""
    pushed.on("PUT manifests/v1", script.error("TAG_INVALID", 400))
    async with script.registry(pushed) as registry:
        with pytest.raises(RegistryUnavailable, match=r"answered 400 \(TAG_INVALID\)"):
            await registry.tag("v1", Digest.parse(digest(BODY)))


@pytest.mark.fault(14)
async def test_no_tag_is_written_for_a_missing_image_manifest(pushed: Server, script: Scripting) -> None:
    """No tag is written if the registry has lost the image manifest that was pushed to it."""
    pushed.on(f"GET manifests/{digest(BODY)}", script.error("MANIFEST_UNKNOWN"))
    async with script.registry(pushed) as registry:
        with pytest.raises(RegistryUnavailable, match=f"does not hold {digest(BODY)}, which was just pushed"):
            await registry.tag("v1", Digest.parse(digest(BODY)))
    assert "PUT /v2/owner/service/manifests/v1" not in pushed.lines
