"""Pushing and reading the referrers of an image, tested with a real HTTP server on the loopback interface."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.errors import RegistryAccessDenied, RegistryUnavailable
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.image import Artifact
from stage_ci.rules.registry.referrers import Referrer

if TYPE_CHECKING:
    from tests.servers.loopback import Request
    from tests.unit.adapters.conftest import Scripting, Server

MEDIA_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE: Final = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
UPLOAD: Final = "/v2/owner/service/blobs/uploads/1?state=s"


def digest(content: bytes) -> str:
    """Return the digest of ``content`` as text."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


IMAGE: Final = json.dumps({"schemaVersion": 2, "mediaType": MEDIA_TYPE, "layers": []}).encode()
SUBJECT: Final = {"mediaType": MEDIA_TYPE, "digest": digest(IMAGE), "size": len(IMAGE)}


def body(kind: str, content: bytes, **more: object) -> bytes:
    """Return the image manifest of a file that refers to the image."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "config": {"mediaType": EMPTY_TYPE, "digest": digest(b"{}"), "size": 2},
        "layers": [{"mediaType": kind, "digest": digest(content), "size": len(content)}],
        "artifactType": kind,
        "subject": SUBJECT,
    }
    return json.dumps(manifest | more, separators=(",", ":")).encode()


ARTIFACTS: Final = [
    Artifact(EMPTY_TYPE, "application/x.sbom", b"sbom"),
    Artifact(EMPTY_TYPE, "application/x.verdict", b"passed", annotations={"day": "4 May"}),
]
SBOM: Final = body("application/x.sbom", b"sbom")
VERDICT: Final = body("application/x.verdict", b"passed", annotations={"day": "4 May"})
LISTED: Final = [
    {"mediaType": MEDIA_TYPE, "digest": digest(SBOM), "size": len(SBOM), "artifactType": "application/x.sbom"},
    {
        "mediaType": MEDIA_TYPE,
        "digest": digest(VERDICT),
        "size": len(VERDICT),
        "artifactType": "application/x.verdict",
        "annotations": {"day": "4 May"},
    },
]
FALLBACK: Final = f"manifests/{digest(IMAGE).replace(':', '-')}"


def puts(server: Server) -> list[Request]:
    """Return the requests that wrote something, in their order."""
    return [request for request in server.requests if request.method == "PUT"]


@pytest.fixture
def accepting(server: Server, script: Scripting) -> Server:
    """Return a registry with the referrers API that holds the image and accepts its referrers."""
    server.on(f"GET manifests/{digest(IMAGE)}", script.reply(body=IMAGE))
    server.on("POST blobs/uploads/", script.reply(202, headers={"Location": UPLOAD}))
    for blob in (b"{}", b"sbom", b"passed"):
        server.on(f"PUT {UPLOAD}&digest={digest(blob)}", script.reply(201))
    for manifest in (SBOM, VERDICT):
        reply = script.reply(201, headers={"OCI-Subject": digest(IMAGE)})
        server.on(f"PUT manifests/{digest(manifest)}", reply)
    return server


@pytest.fixture
def older(accepting: Server, script: Scripting) -> Server:
    """Return a registry without the referrers API, which holds the image and no list of its referrers."""
    for manifest in (SBOM, VERDICT):
        accepting.on(f"PUT manifests/{digest(manifest)}", script.reply(201))
    accepting.on(f"GET {FALLBACK}", script.error("MANIFEST_UNKNOWN"))
    accepting.on(f"PUT {FALLBACK}", script.reply(201))
    return accepting


async def push(registry_of: Scripting, server: Server) -> list[str]:
    """Push the two referrers; return the digests of their image manifests as text."""
    async with registry_of.registry(server) as registry:
        return [str(pushed) for pushed in await registry.push_referrers(Digest.parse(digest(IMAGE)), ARTIFACTS)]


async def test_the_blobs_of_referrers_are_pushed_first(accepting: Server, script: Scripting) -> None:
    """All files are pushed before the first image manifest, so that no referrer ever lacks its content."""
    assert await push(script, accepting) == [digest(SBOM), digest(VERDICT)]
    bodies = [request.body for request in puts(accepting)]
    assert sorted(bodies[:3]) == [b"passed", b"sbom", b"{}"]
    assert sorted(bodies[3:]) == sorted([SBOM, VERDICT])


async def test_a_referrer_names_its_subject_and_its_type(accepting: Server, script: Scripting) -> None:
    """The image manifest of a referrer is pushed under its digest and names the image, its type and annotations."""
    await push(script, accepting)
    (pushed,) = [request for request in puts(accepting) if request.target.endswith(f"/manifests/{digest(VERDICT)}")]
    assert pushed.headers["content-type"] == MEDIA_TYPE
    manifest = json.loads(pushed.body)
    assert manifest["subject"] == SUBJECT
    assert manifest["artifactType"] == "application/x.verdict"
    assert manifest["annotations"] == {"day": "4 May"}


async def test_the_subject_has_the_media_type_of_the_image(accepting: Server, script: Scripting) -> None:
    """A referrer of an image index names the media type of an index, because registries look the subject up by it."""
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).encode()
    subject = {"mediaType": INDEX_TYPE, "digest": digest(index), "size": len(index)}
    manifest = body("application/x.sbom", b"sbom", subject=subject)
    accepting.on(f"GET manifests/{digest(index)}", script.reply(body=index))
    accepting.on(f"PUT manifests/{digest(manifest)}", script.reply(201, headers={"OCI-Subject": digest(index)}))
    async with script.registry(accepting) as registry:
        pushed = await registry.push_referrers(Digest.parse(digest(index)), ARTIFACTS[:1])
    assert [str(each) for each in pushed] == [digest(manifest)]


async def test_files_that_the_registry_holds_are_not_sent_again(accepting: Server, script: Scripting) -> None:
    """A file that the registry holds already, such as the empty configuration, is not uploaded again."""
    accepting.on(f"HEAD blobs/{digest(b'{}')}", script.reply())
    await push(script, accepting)
    assert b"{}" not in [request.body for request in puts(accepting)]


async def test_a_registry_with_the_referrers_api_gets_no_fallback_tag(accepting: Server, script: Scripting) -> None:
    """A registry that answers with OCI-Subject lists the referrers itself, so no tag is read or written for them."""
    await push(script, accepting)
    assert [line for line in accepting.lines if line.endswith(FALLBACK)] == []


async def test_a_registry_without_the_referrers_api_gets_a_fallback_tag(older: Server, script: Scripting) -> None:
    """A registry that answers without OCI-Subject gets an image index of the referrers under the image's digest."""
    await push(script, older)
    last = puts(older)[-1]
    assert last.target == f"/v2/owner/service/manifests/sha256-{digest(IMAGE).removeprefix('sha256:')}"
    assert last.headers["content-type"] == INDEX_TYPE
    assert json.loads(last.body) == {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": LISTED}


async def test_a_fallback_tag_keeps_the_entries_that_it_has(older: Server, script: Scripting) -> None:
    """Referrers that other clients have listed stay in the list, and one that is pushed again is listed once."""
    foreign = {"mediaType": MEDIA_TYPE, "digest": digest(b"foreign"), "size": 7, "artifactType": "application/x.other"}
    older.on(f"GET {FALLBACK}", script.json({"schemaVersion": 2, "manifests": [foreign, LISTED[0]]}))
    await push(script, older)
    assert json.loads(puts(older)[-1].body)["manifests"] == [foreign, *LISTED]


async def test_a_fallback_tag_that_lists_all_is_not_written_again(older: Server, script: Scripting) -> None:
    """A run that is repeated writes no equal list, which a registry with immutable tags would reject."""
    await push(script, older)
    older.on(f"GET {FALLBACK}", script.reply(body=puts(older)[-1].body))
    older.on(f"PUT {FALLBACK}", script.error("TAG_INVALID", 400))
    assert await push(script, older) == [digest(SBOM), digest(VERDICT)]
    assert [request.target.endswith(FALLBACK) for request in puts(older)].count(True) == 1


async def test_a_fallback_tag_of_something_else_is_not_overwritten(older: Server, script: Scripting) -> None:
    """A tag that holds no image index is an error and stays as it is."""
    older.on(f"GET {FALLBACK}", script.reply(body=IMAGE))
    with pytest.raises(RegistryUnavailable, match="sent something other than an image index"):
        await push(script, older)
    assert f"PUT /v2/owner/service/{FALLBACK}" not in older.lines


async def test_a_missing_image_gets_no_referrers(accepting: Server, script: Scripting) -> None:
    """Nothing is pushed for an image that the registry has lost."""
    accepting.on(f"GET manifests/{digest(IMAGE)}", script.error("MANIFEST_UNKNOWN"))
    name = f"{accepting.host}/owner/service"
    with pytest.raises(RegistryUnavailable, match=f"^registry: {name} does not hold {digest(IMAGE)}, which was just"):
        await push(script, accepting)
    assert {request.method for request in accepting.requests} == {"GET"}


async def test_a_failed_upload_leaves_no_referrer(accepting: Server, script: Scripting) -> None:
    """No image manifest is pushed if the upload of one file fails."""
    accepting.on(f"PUT {UPLOAD}&digest={digest(b'sbom')}", script.error("QUOTA_EXCEEDED", 413))
    with pytest.raises(RegistryUnavailable, match=r"answered 413 \(QUOTA_EXCEEDED\)"):
        await push(script, accepting)
    assert [request.target for request in puts(accepting) if "/manifests/" in request.target] == []


async def test_a_denied_push_is_reported(accepting: Server, script: Scripting) -> None:
    """A registry that denies the push of a referrer is reported with its error code, once for all referrers."""
    for manifest in (SBOM, VERDICT):
        accepting.on(f"PUT manifests/{digest(manifest)}", script.error("DENIED", 403))
    with pytest.raises(RegistryAccessDenied, match=r"answered 403 \(DENIED\)") as failed:
        await push(script, accepting)
    assert str(failed.value).count("DENIED") == 1


async def test_a_broken_connection_is_retried(older: Server, script: Scripting, waits: list[float]) -> None:
    """An interrupted push of an image manifest and of the list is sent again after a pause."""
    older.on(f"PUT manifests/{digest(SBOM)}", script.reply(reset=True), script.reply(201))
    older.on(f"PUT {FALLBACK}", script.reply(503), script.reply(201))
    assert await push(script, older) == [digest(SBOM), digest(VERDICT)]
    assert len(waits) == 2
    assert json.loads(puts(older)[-1].body)["manifests"] == LISTED


@pytest.fixture
def holding(server: Server, script: Scripting) -> Server:
    """Return a registry that holds one referrer of the image."""
    server.on(f"GET manifests/{digest(SBOM)}", script.reply(body=SBOM))
    server.on(f"GET blobs/{digest(b'sbom')}", script.reply(body=b"sbom"))
    return server


async def read(registry_of: Scripting, server: Server, manifest: bytes = SBOM) -> Referrer | None:
    """Return the referrer with an image manifest."""
    async with registry_of.registry(server) as registry:
        return await registry.referrer(Digest.parse(digest(manifest)))


async def test_a_referrer_is_read_with_its_subject(holding: Server, script: Scripting) -> None:
    """A referrer is read by the digest of its image manifest, with its content and the digest of its image."""
    assert await read(script, holding) == Referrer(Digest.parse(digest(IMAGE)), b"sbom")
    assert len(holding.lines) == 2


@pytest.mark.fault(49)
@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"])
async def test_a_missing_referrer_is_none(server: Server, script: Scripting, code: str) -> None:
    """A referrer that the registry does not know is None, which is no error of the registry."""
    server.on(f"GET manifests/{digest(SBOM)}", script.error(code))
    assert await read(script, server) is None


async def test_a_404_of_a_proxy_is_no_missing_referrer(server: Server, script: Scripting) -> None:
    """A 404 without the error code of a registry is an error, because a proxy or a wrong URL answers the same."""
    with pytest.raises(RegistryUnavailable, match="answered 404: not scripted;"):
        await read(script, server)


@pytest.mark.fault(49)
async def test_a_changed_file_is_an_error(holding: Server, script: Scripting) -> None:
    """A file whose content does not match the digest in its image manifest is an error that names the digest."""
    holding.on(f"GET blobs/{digest(b'sbom')}", script.reply(body=b"changed"))
    with pytest.raises(RegistryUnavailable, match=f"sent content that does not match {digest(b'sbom')}"):
        await read(script, holding)


@pytest.mark.fault(49)
async def test_a_changed_image_manifest_is_an_error(holding: Server, script: Scripting) -> None:
    """A referrer whose image manifest was replaced by another one is an error that names the digest."""
    holding.on(f"GET manifests/{digest(SBOM)}", script.reply(body=VERDICT))
    with pytest.raises(RegistryUnavailable, match=f"sent content that does not match {digest(SBOM)}"):
        await read(script, holding)


@pytest.mark.fault(49)
async def test_a_lost_file_is_an_error(holding: Server, script: Scripting) -> None:
    """A referrer whose image manifest is present and whose file is missing is an error."""
    holding.on(f"GET blobs/{digest(b'sbom')}", script.error("BLOB_UNKNOWN"))
    with pytest.raises(RegistryUnavailable, match=r"answered 404 \(BLOB_UNKNOWN\)"):
        await read(script, holding)


async def test_an_image_is_no_referrer(server: Server, script: Scripting) -> None:
    """A digest under which the registry holds an image instead of one file is an error."""
    server.on(f"GET manifests/{digest(IMAGE)}", script.reply(body=IMAGE))
    with pytest.raises(RegistryUnavailable, match="sent something other than an artifact of one file"):
        await read(script, server, IMAGE)
