"""Tags, digests and labels of a repository, read from a real HTTP server on the loopback interface."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import pytest

from stage_ci.adapters.registry import Registry
from stage_ci.errors import InvalidInput, RegistryUnavailable

if TYPE_CHECKING:
    from tests.unit.adapters.conftest import Scripting, Server

CONFIG: Final = b'{"architecture":"amd64","config":{"Labels":{"ci.stage.inputs":"sha256:0"}}}'


def digest(content: bytes) -> str:
    """Return the digest of ``content`` as text."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(config: bytes = CONFIG) -> bytes:
    """Return an image manifest."""
    return json.dumps({"schemaVersion": 2, "config": {"digest": digest(config)}, "layers": []}).encode()


def index(*members: tuple[str, bytes]) -> bytes:
    """Return an image index with a member for each architecture and image manifest."""
    manifests = [{"digest": digest(m), "platform": {"os": "linux", "architecture": a}} for a, m in members]
    return json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()


@pytest.mark.fault(1)
@pytest.mark.parametrize("base", ["", "http://{host}"], ids=["relative", "absolute"])
async def test_tags_come_from_all_pages(server: Server, script: Scripting, base: str) -> None:
    """A tag list of 250 tags in pages of 100 is read completely, with relative and with absolute links."""
    tags = [f"v1.0.{number}" for number in range(1, 251)]
    root = base.format(host=server.host)
    link = f'<{root}/v2/owner/service/tags/list?last=%s&n=100>; rel="next"'
    server.on("GET tags/list", script.json({"tags": tags[:100]}, Link=link % tags[99]))
    server.on(f"GET tags/list?last={tags[99]}&n=100", script.json({"tags": tags[100:200]}, Link=link % tags[199]))
    server.on(f"GET tags/list?last={tags[199]}&n=100", script.json({"tags": tags[200:]}))
    async with script.registry(server) as registry:
        assert await registry.tags() == tags


@pytest.mark.fault(2)
async def test_a_tag_list_that_links_to_itself_is_rejected(server: Server, script: Scripting) -> None:
    """A page that names itself as the next page is requested once, then the listing fails."""
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}, Link="</v2/owner/service/tags/list>; rel=next"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service does not end"):
            await registry.tags()
    assert len(server.lines) == 1


@pytest.mark.fault(2)
async def test_an_endless_tag_list_is_rejected(server: Server, script: Scripting) -> None:
    """The listing fails after the maximum number of pages, even if each page links to a new one."""
    server.on("GET tags/list", script.json({"tags": []}, Link="<?last=0>; rel=next"))
    for page in range(5):
        server.on(f"GET tags/list?last={page}", script.json({"tags": []}, Link=f"<?last={page + 1}>; rel=next"))
    async with script.registry(server, pages=3) as registry:
        with pytest.raises(RegistryUnavailable, match="does not end"):
            await registry.tags()
    assert len(server.lines) == 3


@pytest.mark.fault(2)
@pytest.mark.parametrize("base", ["{other}", "https://{host}", "http://registry.inner:5000", "//registry.inner"])
async def test_of_a_link_only_the_query_is_taken(server: Server, other: Server, script: Scripting, base: str) -> None:
    """A link with the inner name or the scheme of a registry behind a gateway is followed on the own address."""
    link = f"<{base.format(other=other.url, host=server.host)}/v2/inner/tags/list?last=v1.0.1&n=1>; rel=next"
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}, Link=link))
    server.on("GET tags/list?last=v1.0.1&n=1", script.json({"tags": ["v1.0.2"]}))
    server.require(script.basic, "Basic")
    async with script.registry(server, script.login) as registry:
        assert await registry.tags() == ["v1.0.1", "v1.0.2"]
    assert other.lines == []


@pytest.mark.fault(2)
async def test_a_next_page_on_another_host_is_not_requested(server: Server, other: Server, script: Scripting) -> None:
    """A link to another host without a query fails the listing; the other host receives no request."""
    server.on("GET tags/list", script.json({"tags": []}, Link=f"<{other.url}/v2/owner/service/tags/list>; rel=next"))
    server.require(script.basic, "Basic")
    async with script.registry(server, script.login) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host} leads to another host"):
            await registry.tags()
    assert other.lines == []


@pytest.mark.fault(5)
async def test_an_unknown_repository_has_no_tags(server: Server, script: Scripting) -> None:
    """A repository without a first push has no tags: the registry answers NAME_UNKNOWN."""
    server.on("GET tags/list", script.error("NAME_UNKNOWN"))
    async with script.registry(server) as registry:
        assert await registry.tags() == []


@pytest.mark.fault(5)
async def test_tags_null_is_an_empty_list(server: Server, script: Scripting) -> None:
    """A repository without tags may answer `"tags": null`."""
    server.on("GET tags/list", script.json({"name": "owner/service", "tags": None}))
    async with script.registry(server) as registry:
        assert await registry.tags() == []


async def test_a_404_without_an_error_code_is_not_an_empty_repository(server: Server, script: Scripting) -> None:
    """A 404 without the error code of the specification fails the listing, because a wrong URL also answers 404."""
    server.on("GET tags/list", script.reply(404, b"<html>"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="owner/service answered 404;"):
            await registry.tags()


async def test_a_repository_that_vanishes_between_pages_is_an_error(server: Server, script: Scripting) -> None:
    """A NAME_UNKNOWN on the second page fails the listing instead of returning the first page."""
    server.on("GET tags/list", script.json({"tags": []}, Link="<?last=0>; rel=next"))
    server.on("GET tags/list?last=0", script.error("NAME_UNKNOWN"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=r"answered 404 \(NAME_UNKNOWN\)"):
            await registry.tags()


async def test_a_digest_takes_one_head_request(server: Server, script: Scripting) -> None:
    """The digest is read from the headers of one HEAD request, which Docker Hub does not count as a pull."""
    server.on("HEAD manifests/v1.0.1", script.reply(headers={"Docker-Content-Digest": digest(image())}))
    async with script.registry(server) as registry:
        assert str(await registry.digest("v1.0.1")) == digest(image())
    assert server.lines == ["HEAD /v2/owner/service/manifests/v1.0.1"]
    assert "application/vnd.oci.image.index.v1+json" in server.requests[0].headers["accept"]


async def test_a_missing_digest_header_is_computed(server: Server, script: Scripting) -> None:
    """The digest is computed from the image manifest if an old registry sends no Docker-Content-Digest."""
    server.on("HEAD manifests/v1.0.1", script.reply())
    server.on("GET manifests/v1.0.1", script.reply(body=image()))
    async with script.registry(server) as registry:
        assert str(await registry.digest("v1.0.1")) == digest(image())


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"])
async def test_an_unknown_tag_has_no_digest(server: Server, script: Scripting, code: str) -> None:
    """The digest of an unknown tag is None; the error code comes from a GET, because HEAD has no body."""
    server.on("HEAD manifests/v1.0.1", script.reply(404))
    server.on("GET manifests/v1.0.1", script.error(code))
    async with script.registry(server) as registry:
        assert await registry.digest("v1.0.1") is None


async def test_a_404_without_an_error_code_is_not_a_free_tag(server: Server, script: Scripting) -> None:
    """A 404 without the error code of the specification is an error, so that no existing image is overwritten."""
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="answered 404"):
            await registry.digest("v1.0.1")


async def test_labels_are_those_of_the_configuration(server: Server, script: Scripting) -> None:
    """The labels of a tag are read from the image configuration that its image manifest names."""
    server.on("GET manifests/v1.0.1", script.reply(body=image()))
    server.on(f"GET blobs/{digest(CONFIG)}", script.reply(body=CONFIG))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}


async def test_labels_of_several_platforms_are_those_of_linux_amd64(server: Server, script: Scripting) -> None:
    """The labels of a multi-platform image are those of linux/amd64, the platform that the pipeline builds."""
    arm = image(b"{}")
    server.on("GET manifests/v1.0.1", script.reply(body=index(("arm64", arm), ("amd64", image()))))
    server.on(f"GET manifests/{digest(image())}", script.reply(body=image()))
    server.on(f"GET blobs/{digest(CONFIG)}", script.reply(body=CONFIG))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}


async def test_an_image_for_other_platforms_has_no_labels(server: Server, script: Scripting) -> None:
    """The labels of an image index without linux/amd64 are None, not those of another platform."""
    server.on("GET manifests/v1.0.1", script.reply(body=index(("arm64", image()))))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") is None


async def test_a_missing_tag_has_no_labels(server: Server, script: Scripting) -> None:
    """The labels of an unknown tag are None, which differs from an image without labels."""
    server.on("GET manifests/v1.0.1", script.error("MANIFEST_UNKNOWN"))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") is None


@pytest.mark.fault(8)
async def test_content_that_does_not_match_its_digest_is_requested_again(server: Server, script: Scripting) -> None:
    """An image manifest or configuration that does not match its digest is discarded and requested again."""
    stated = {"Docker-Content-Digest": digest(image())}
    server.on("GET manifests/v1.0.1", script.reply(body=b"{}", headers=stated), script.reply(body=image()))
    server.on(f"GET blobs/{digest(CONFIG)}", script.reply(body=b"{}"), script.reply(body=CONFIG))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}
    assert len(server.lines) == 4


@pytest.mark.parametrize(
    "url",
    [
        "registry:5000",
        "ftp://registry",
        "https://",
        "http://registry/v2",
        "http://registry?n=1",
        "http://registry:port",
        "",
    ],
)
def test_an_invalid_registry_url_is_rejected(url: str) -> None:
    """An invalid registry URL is rejected at once, before any request."""
    with pytest.raises(InvalidInput, match="invalid registry URL: expected http:// or https:// and a host"):
        Registry(url, "owner/service")


def test_a_registry_url_with_a_password_is_rejected_without_quoting_it() -> None:
    """The error about a registry URL with a password does not contain the password."""
    with pytest.raises(InvalidInput) as error:
        Registry("https://robot:canary-7f3a@registry", "owner/service")
    assert "canary" not in str(error.value)


def test_a_repository_is_named_by_host_and_path() -> None:
    """The name of a repository in errors is its host and path."""
    assert Registry("https://registry.example:5000", "owner/service").name == "registry.example:5000/owner/service"
