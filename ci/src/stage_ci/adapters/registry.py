"""A repository in a registry: its tags, its digests, its images' labels, and small artifacts to put there.

Source: OCI distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md).
"""

from functools import partial
from types import MappingProxyType, TracebackType
from typing import Final, Self
from urllib.parse import quote

import httpx

from stage_ci.adapters.registry_http import Answer, Question
from stage_ci.adapters.registry_session import PATIENCE, Patience, Session
from stage_ci.errors import DigestMismatch, InvalidInput, RegistryUnavailable
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry import (
    NOT_FOUND,
    describe,
    next_page,
    says_unknown,
    tag_list,
    upload_address,
)
from stage_ci.rules.registry_auth import Credentials
from stage_ci.rules.registry_image import (
    ACCEPT,
    MANIFEST_MEDIA_TYPE,
    Artifact,
    Manifest,
    digest_of,
    labels,
    stated_digest,
    verified,
)

__all__ = ["PATIENCE", "Credentials", "Patience", "Registry"]

_OK: Final = 200
_CREATED: Final = 201
_ACCEPTED: Final = 202
_DIGEST: Final = "Docker-Content-Digest"
_MANIFEST_HEADERS: Final = MappingProxyType({"Accept": ACCEPT})


class Registry:
    """One repository in one registry; an async context manager that closes its connections.

    Every question is asked again, with growing pauses, as long as that can help and its bounds allow.

    Args:
        base_url: The registry's address, ``http://`` or ``https://`` with a host and perhaps a port.
        path: The repository in it, such as ``owner/service``.
        credentials: Who asks; None where anybody may.
        transport: Replaces the network.
        patience: How long the registry is given.

    Raises:
        InvalidInput: if ``base_url`` is no such address.
    """

    def __init__(
        self,
        base_url: str,
        path: str,
        credentials: Credentials | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        base = _address(base_url)
        self._name = f"{base.netloc.decode()}/{path}"
        self._root = f"{base.scheme}://{base.netloc.decode()}/v2/{quote(path)}"
        self._pages = patience.pages
        self._session = Session(self._root, self._name, credentials, transport, patience)

    @property
    def name(self) -> str:
        """The repository as messages name it: host and path."""
        return self._name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.aclose()

    async def tags(self) -> list[str]:
        """Return every tag, of all pages.

        Returns:
            The tags in the registry's order; none when the registry says that it does not know the repository.

        Raises:
            RegistryAccessDenied: if the registry refuses the caller.
            RegistryUnavailable: if any page cannot be had, the pages do not end, or lead to another host.
        """
        found: list[str] = []
        seen: set[str] = set()
        page: str | None = f"{self._root}/tags/list"
        with self._session.deadline():
            while page:
                if page in seen or len(seen) == self._pages:
                    raise RegistryUnavailable(f"the tag listing of {self._name} does not end (page {len(seen) + 1})")
                seen.add(page)
                tags, page = await self._session.persist(partial(self._page, page, first=len(seen) == 1))
                found += tags
        return found

    async def digest(self, reference: str) -> Digest | None:
        """Return the digest of a manifest (distribution-spec, "Checking if content exists in the registry").

        Args:
            reference: A tag, or a digest as text.

        Returns:
            The digest; None when the registry says that it does not know the tag or the repository.

        Raises:
            RegistryAccessDenied: if the registry refuses the caller.
            RegistryUnavailable: if the registry gives no usable answer.
        """
        with self._session.deadline():
            return await self._held(reference)

    async def labels(self, reference: str) -> dict[str, str] | None:
        """Return the labels of an image, for linux/amd64 where it has several platforms.

        Args:
            reference: A tag, or a digest as text.

        Returns:
            The labels, empty when the image has none; None when there is no image for linux/amd64.

        Raises:
            RegistryAccessDenied: if the registry refuses the caller.
            RegistryUnavailable: if the registry gives no usable answer.
        """
        with self._session.deadline():
            manifest = await self._session.persist(partial(self._image, reference))
            if manifest and manifest.linux_amd64:
                manifest = await self._session.persist(partial(self._image, str(manifest.linux_amd64)))
            if manifest is None or manifest.config is None:
                return None
            return await self._session.persist(partial(self._labels, manifest.config))

    async def tag(self, name: str, digest: Digest) -> Digest | None:
        """Let a tag name a manifest of this repository, unless it names one already.

        The specification knows no conditional write: a tag that somebody else writes between the look and the write,
        which follow each other at once, is overwritten.

        Args:
            name: The tag.
            digest: The manifest, which the repository holds.

        Returns:
            The manifest that the tag names already, which may be ``digest`` itself; None if the tag was written.

        Raises:
            RegistryAccessDenied: if the registry refuses the caller.
            RegistryUnavailable: if there is no such manifest, or the registry gives no usable answer.
        """
        with self._session.deadline():
            manifest = await self._session.persist(partial(self._manifest, str(digest)))
            if manifest is None:
                raise RegistryUnavailable(f"{self._name} does not hold {digest}, which was just pushed")
            return await self._session.persist(partial(self._tag, name, manifest))

    async def put_artifact(
        self, tag: str, config_media_type: str, layer_media_type: str, layer: bytes, *, title: str = ""
    ) -> Digest:
        """Put a small file under a tag, as an OCI artifact; sends nothing when it already lies there.

        Args:
            tag: The tag; what it held before is replaced.
            config_media_type: What the artifact is.
            layer_media_type: How the file is packed.
            layer: The file.
            title: The file's name, which Trivy asks for; empty for none.

        Returns:
            The digest of the artifact's manifest.

        Raises:
            DigestMismatch: if the registry reports another digest.
            RegistryAccessDenied: if the registry refuses the caller.
            RegistryUnavailable: if the registry gives no usable answer.
        """
        artifact = Artifact(config_media_type, layer_media_type, layer, title)
        digest = digest_of(artifact.manifest())
        with self._session.deadline():
            if await self._held(tag) != digest:
                await self._put(tag, artifact)
                held = await self._held(tag)
                if held != digest:
                    raise DigestMismatch(f"{self._name}:{tag} holds {held} after {digest} was put there")
        return digest

    async def _page(self, url: str, *, first: bool) -> tuple[list[str], str | None]:
        answer = await self._session.ask(Question("GET", url))
        if first and answer.status == NOT_FOUND and says_unknown(answer.body):
            return [], None
        self._expect(answer, _OK)
        return tag_list(answer.body), next_page(answer.headers.get_list("Link"), str(answer.url))

    async def _held(self, reference: str) -> Digest | None:
        return await self._session.persist(partial(self._digest, reference))

    async def _digest(self, reference: str) -> Digest | None:
        answer = await self._session.ask(self._manifest_question("HEAD", reference))
        if answer.status == _OK and _DIGEST in answer.headers:
            return stated_digest(answer.headers[_DIGEST])
        # Earlier registries state no digest; and only the body of a 404 tells "unknown" from "wrong address".
        manifest = await self._manifest(reference)
        return None if manifest is None else digest_of(manifest)

    async def _image(self, reference: str) -> Manifest | None:
        manifest = await self._manifest(reference)
        return None if manifest is None else Manifest.parse(manifest)

    async def _manifest(self, reference: str) -> bytes | None:
        answer = await self._session.ask(self._manifest_question("GET", reference))
        if answer.status == NOT_FOUND and says_unknown(answer.body):
            return None
        self._expect(answer, _OK)
        stated = reference if ":" in reference else answer.headers.get(_DIGEST)
        return verified(answer.body, stated_digest(stated)) if stated else answer.body

    async def _labels(self, config: Digest) -> dict[str, str]:
        answer = await self._session.ask(Question("GET", self._blob(config)))
        self._expect(answer, _OK)
        return labels(verified(answer.body, config))

    async def _tag(self, name: str, manifest: bytes) -> Digest | None:
        held = await self._digest(name)
        if held is None:
            await self._put_manifest(name, manifest)
        return held

    async def _put(self, tag: str, artifact: Artifact) -> None:
        for blob in (artifact.config, artifact.layer):
            await self._session.persist(partial(self._put_blob, blob))
        # Last, so that a tag never points at content that is missing.
        await self._session.persist(partial(self._put_manifest, tag, artifact.manifest()))

    async def _put_blob(self, content: bytes) -> None:
        digest = digest_of(content)
        if (await self._session.ask(Question("HEAD", self._blob(digest)))).status == _OK:
            return
        opened = await self._session.ask(Question("POST", f"{self._root}/blobs/uploads/"))
        self._expect(opened, _ACCEPTED)
        address = upload_address(opened.headers.get("Location"), str(opened.url), digest)
        headers = {"Content-Type": "application/octet-stream"}
        self._expect(await self._session.ask(Question("PUT", address, headers, content)), _CREATED)

    async def _put_manifest(self, tag: str, manifest: bytes) -> None:
        headers = {"Content-Type": MANIFEST_MEDIA_TYPE}
        self._expect(await self._session.ask(Question("PUT", self._at(tag), headers, manifest)), _CREATED)

    def _manifest_question(self, method: str, reference: str) -> Question:
        return Question(method, self._at(reference), _MANIFEST_HEADERS)

    def _at(self, reference: str) -> str:
        return f"{self._root}/manifests/{quote(reference, safe=':')}"

    def _blob(self, digest: Digest) -> str:
        return f"{self._root}/blobs/{digest}"

    def _expect(self, answer: Answer, status: int) -> None:
        if answer.status != status:
            raise RegistryUnavailable(f"{self._name} {describe(answer.status, answer.body)}")


def _address(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.path.strip("/") or url.query:
        # Not repeated: an address with a password in it is one of the reasons to be here.
        raise InvalidInput("the registry's address is not http:// or https:// and a host")
    return url
