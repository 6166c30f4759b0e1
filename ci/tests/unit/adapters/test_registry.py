"""What a repository in a registry holds, asked from a real HTTP server on the loopback interface."""

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
    """Return the digest of some content, as text."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(config: bytes = CONFIG) -> bytes:
    """Return the manifest of an image."""
    return json.dumps({"schemaVersion": 2, "config": {"digest": digest(config)}, "layers": []}).encode()


def index(*members: tuple[str, bytes]) -> bytes:
    """Return the index of images, each an architecture and a manifest."""
    manifests = [{"digest": digest(m), "platform": {"os": "linux", "architecture": a}} for a, m in members]
    return json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()


@pytest.mark.fault(1)
@pytest.mark.parametrize("base", ["", "http://{host}"], ids=["relative", "absolute"])
async def test_tags_come_from_all_pages(server: Server, script: Scripting, base: str) -> None:
    """250 tags in pages of 100 are all read, wherever the links are relative to."""
    tags = [f"v1.0.{number}" for number in range(1, 251)]
    root = base.format(host=server.host)
    link = f'<{root}/v2/owner/service/tags/list?last=%s&n=100>; rel="next"'
    server.on("GET tags/list", script.json({"tags": tags[:100]}, Link=link % tags[99]))
    server.on(f"GET tags/list?last={tags[99]}&n=100", script.json({"tags": tags[100:200]}, Link=link % tags[199]))
    server.on(f"GET tags/list?last={tags[199]}&n=100", script.json({"tags": tags[200:]}))
    async with script.registry(server) as registry:
        assert await registry.tags() == tags


@pytest.mark.fault(2)
async def test_a_listing_that_leads_to_itself_ends(server: Server, script: Scripting) -> None:
    """A page that names itself as the next one is asked for once."""
    server.on("GET tags/list", script.json({"tags": ["v1.0.1"]}, Link="</v2/owner/service/tags/list>; rel=next"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host}/owner/service does not end"):
            await registry.tags()
    assert len(server.log) == 1


@pytest.mark.fault(2)
async def test_a_listing_that_goes_on_and_on_ends(server: Server, script: Scripting) -> None:
    """Pages are read up to a bound, even when each leads to a new one."""
    server.on("GET tags/list", script.json({"tags": []}, Link="<?last=0>; rel=next"))
    for page in range(5):
        server.on(f"GET tags/list?last={page}", script.json({"tags": []}, Link=f"<?last={page + 1}>; rel=next"))
    async with script.registry(server, pages=3) as registry:
        with pytest.raises(RegistryUnavailable, match="does not end"):
            await registry.tags()
    assert len(server.log) == 3


@pytest.mark.fault(2)
async def test_a_listing_that_leads_to_another_host_is_not_followed(
    server: Server, other: Server, script: Scripting
) -> None:
    """The other host gets no request, so no credentials either."""
    server.on("GET tags/list", script.json({"tags": []}, Link=f"<{other.url}/v2/owner/service/tags/list>; rel=next"))
    server.demand(script.basic, "Basic")
    async with script.registry(server, script.credentials) as registry:
        with pytest.raises(RegistryUnavailable, match=f"{server.host} leads to another host"):
            await registry.tags()
    assert other.log == []


@pytest.mark.fault(5)
async def test_an_unknown_repository_has_no_tags(server: Server, script: Scripting) -> None:
    """NAME_UNKNOWN is what a registry says before the first push."""
    server.on("GET tags/list", script.error("NAME_UNKNOWN"))
    async with script.registry(server) as registry:
        assert await registry.tags() == []


@pytest.mark.fault(5)
async def test_a_repository_may_have_no_tags(server: Server, script: Scripting) -> None:
    """Null is an empty list."""
    server.on("GET tags/list", script.json({"name": "owner/service", "tags": None}))
    async with script.registry(server) as registry:
        assert await registry.tags() == []


async def test_a_404_alone_does_not_mean_no_tags(server: Server, script: Scripting) -> None:
    """A wrong address answers 404 too; starting again at the first version would be wrong."""
    server.on("GET tags/list", script.reply(404, b"<html>"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="owner/service answered 404;"):
            await registry.tags()


async def test_a_repository_that_vanishes_between_pages_is_an_error(server: Server, script: Scripting) -> None:
    """Half of a listing is no listing."""
    server.on("GET tags/list", script.json({"tags": []}, Link="<?last=0>; rel=next"))
    server.on("GET tags/list?last=0", script.error("NAME_UNKNOWN"))
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match=r"answered 404 \(NAME_UNKNOWN\)"):
            await registry.tags()


async def test_a_digest_takes_one_request_without_a_body(server: Server, script: Scripting) -> None:
    """HEAD names the digest; Docker Hub does not count it as a pull."""
    server.on("HEAD manifests/v1.0.1", script.reply(headers={"Docker-Content-Digest": digest(image())}))
    async with script.registry(server) as registry:
        assert str(await registry.digest("v1.0.1")) == digest(image())
    assert server.log == ["HEAD /v2/owner/service/manifests/v1.0.1"]
    assert "application/vnd.oci.image.index.v1+json" in server.asked[0].headers["accept"]


async def test_a_digest_that_is_not_stated_is_computed(server: Server, script: Scripting) -> None:
    """Registries of earlier specifications state none."""
    server.on("HEAD manifests/v1.0.1", script.reply())
    server.on("GET manifests/v1.0.1", script.reply(body=image()))
    async with script.registry(server) as registry:
        assert str(await registry.digest("v1.0.1")) == digest(image())


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"])
async def test_an_unknown_tag_has_no_digest(server: Server, script: Scripting, code: str) -> None:
    """The body that HEAD leaves out says that the tag is free."""
    server.on("HEAD manifests/v1.0.1", script.reply(404))
    server.on("GET manifests/v1.0.1", script.error(code))
    async with script.registry(server) as registry:
        assert await registry.digest("v1.0.1") is None


async def test_a_404_alone_does_not_mean_a_free_tag(server: Server, script: Scripting) -> None:
    """Whoever takes it for one pushes over somebody's image."""
    async with script.registry(server) as registry:
        with pytest.raises(RegistryUnavailable, match="answered 404"):
            await registry.digest("v1.0.1")


async def test_labels_are_those_of_the_configuration(server: Server, script: Scripting) -> None:
    """A tag leads to a manifest, the manifest to the configuration."""
    server.on("GET manifests/v1.0.1", script.reply(body=image()))
    server.on(f"GET blobs/{digest(CONFIG)}", script.reply(body=CONFIG))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}


async def test_labels_of_several_platforms_are_those_of_linux_amd64(server: Server, script: Scripting) -> None:
    """The platform that the pipeline builds for."""
    arm = image(b"{}")
    server.on("GET manifests/v1.0.1", script.reply(body=index(("arm64", arm), ("amd64", image()))))
    server.on(f"GET manifests/{digest(image())}", script.reply(body=image()))
    server.on(f"GET blobs/{digest(CONFIG)}", script.reply(body=CONFIG))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}


async def test_an_image_for_other_platforms_has_no_labels_to_give(server: Server, script: Scripting) -> None:
    """An answer about another image would be worse than none."""
    server.on("GET manifests/v1.0.1", script.reply(body=index(("arm64", image()))))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") is None


async def test_a_missing_tag_has_no_labels(server: Server, script: Scripting) -> None:
    """No image is not an image without labels."""
    server.on("GET manifests/v1.0.1", script.error("MANIFEST_UNKNOWN"))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") is None


@pytest.mark.fault(8)
async def test_content_that_is_not_what_its_digest_names_is_asked_for_again(server: Server, script: Scripting) -> None:
    """A damaged manifest and a damaged configuration are not read."""
    stated = {"Docker-Content-Digest": digest(image())}
    server.on("GET manifests/v1.0.1", script.reply(body=b"{}", headers=stated), script.reply(body=image()))
    server.on(f"GET blobs/{digest(CONFIG)}", script.reply(body=b"{}"), script.reply(body=CONFIG))
    async with script.registry(server) as registry:
        assert await registry.labels("v1.0.1") == {"ci.stage.inputs": "sha256:0"}
    assert len(server.log) == 4


@pytest.mark.parametrize(
    "address",
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
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """Said at once, not after the retries."""
    with pytest.raises(InvalidInput, match="not http:// or https:// and a host"):
        Registry(address, "owner/service")


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    """Addresses end up in messages, passwords do not."""
    with pytest.raises(InvalidInput) as refused:
        Registry("https://robot:canary-7f3a@registry", "owner/service")
    assert "canary" not in str(refused.value)


def test_a_repository_is_named_by_host_and_path() -> None:
    """What every message about it begins with."""
    assert Registry("https://registry.example:5000", "owner/service").name == "registry.example:5000/owner/service"
