"""One repository in a registry: its tags, the digests and labels of its images, and small artifacts pushed to it.

Source: OCI distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md).
"""

from collections.abc import Container
from types import MappingProxyType, TracebackType
from typing import Final, Self
from urllib.parse import quote

import httpx

from stage_ci.adapters.registry.session import RETRY_POLICY, RetryPolicy, Session
from stage_ci.errors import DigestMismatch, InvalidInput, RegistryError, RegistryUnavailable
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.auth import RegistryLogin
from stage_ci.rules.registry.image import (
    ACCEPT,
    IMAGE_MANIFEST_TYPE,
    Artifact,
    ImageManifest,
    digest_of,
    labels,
    parse_digest,
    verify,
)
from stage_ci.rules.registry.protocol import NOT_FOUND, describe, is_unknown, next_page, tag_list, upload_url

_OK: Final = 200
# The specification has 201 for a pushed blob or image manifest and 202 for an opened upload; Quay, for one, answers 202
# to a pushed image manifest (https://github.com/containers/image/pull/382).
_SUCCESS: Final = range(200, 300)
_DIGEST: Final = "Docker-Content-Digest"
_ACCEPT_MANIFESTS: Final = MappingProxyType({"Accept": ACCEPT})


class Registry:
    """One repository in one registry; an async context manager that closes its connections.

    Every request that fails for a transient reason is retried with growing pauses, within the bounds of the policy.

    Args:
        base_url: The registry's URL: ``http://`` or ``https://``, a host, and a port if it is not the default.
        path: The path of the repository, such as ``owner/service``.
        login: The user; None for anonymous access.
        transport: Replaces the network in tests.
        policy: The number of attempts and the time limits.

    Raises:
        InvalidInput: if ``base_url`` is not such a URL.
    """

    def __init__(
        self,
        base_url: str,
        path: str,
        login: RegistryLogin | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        policy: RetryPolicy = RETRY_POLICY,
    ) -> None:
        base = _parse_base_url(base_url)
        self._name = f"{base.netloc.decode()}/{path}"
        self._root = f"{base.scheme}://{base.netloc.decode()}/v2/{quote(path)}"
        self._pages = policy.pages
        self._session = Session(self._root, self._name, login, transport, policy)

    @property
    def name(self) -> str:
        """The repository's name in errors: host and path."""
        return self._name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.aclose()

    async def tags(self) -> list[str]:
        """List the tags of the repository (distribution-spec, "Listing Tags").

        Returns:
            The tags of all pages in the registry's order; empty if the registry does not know the repository.

        Raises:
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if a page cannot be read, if there is no last page, or if a page is on another host.
        """
        found: list[str] = []
        seen: set[str] = set()
        page: str | None = f"{self._root}/tags/list"
        with self._session.deadline():
            while page:
                if page in seen or len(seen) == self._pages:
                    raise RegistryUnavailable(f"the tag listing of {self._name} does not end (page {len(seen) + 1})")
                seen.add(page)
                tags, page = await self._session.with_retries(self._get_page, page, first=len(seen) == 1)
                found += tags
        return found

    async def digest(self, reference: str) -> Digest | None:
        """Return the digest of an image manifest (distribution-spec, "Checking if content exists in the registry").

        Args:
            reference: A tag or a digest.

        Returns:
            The digest; None if the registry does not know the reference or the repository.

        Raises:
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if the registry sends no usable response.
        """
        with self._session.deadline():
            return await self._session.with_retries(self._get_digest, reference)

    async def labels(self, reference: str) -> dict[str, str] | None:
        """Return the labels of an image; of the linux/amd64 image if there are several platforms.

        Args:
            reference: A tag or a digest.

        Returns:
            The labels, empty if the image has none; None if there is no image for linux/amd64.

        Raises:
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if the registry sends no usable response.
        """
        with self._session.deadline():
            manifest = await self._session.with_retries(self._get_image_manifest, reference)
            if manifest and manifest.linux_amd64:
                manifest = await self._session.with_retries(self._get_image_manifest, str(manifest.linux_amd64))
            if manifest is None or manifest.config is None:
                return None
            return await self._session.with_retries(self._get_labels, manifest.config)

    async def tag(self, name: str, digest: Digest) -> Digest | None:
        """Point a new tag at an image manifest of this repository; leave an existing tag unchanged.

        The specification has no conditional write. A tag that another client writes between the check and the write,
        which follow each other at once, is overwritten, unless the registry has immutable tags.

        Args:
            name: The tag.
            digest: The image manifest, which the repository must hold.

        Returns:
            The digest that the tag already pointed at, which may be ``digest`` itself; None if the tag was written.

        Raises:
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if the image manifest is missing, or the registry sends no usable response.
        """
        with self._session.deadline():
            manifest = await self._session.with_retries(self._get_manifest, str(digest))
            if manifest is None:
                raise RegistryUnavailable(f"{self._name} does not hold {digest}, which was just pushed")
            return await self._session.with_retries(self._push_new_tag, name, manifest)

    async def push_artifact(
        self, tag: str, config_media_type: str, layer_media_type: str, layer: bytes, *, title: str = ""
    ) -> Digest:
        """Push a small file as an OCI artifact, unless the tag already points at the same one.

        Args:
            tag: The tag; replaced if it points at something else.
            config_media_type: The media type of the configuration, which names the kind of artifact.
            layer_media_type: The media type of the file.
            layer: The content of the file.
            title: The file's name, which Trivy requires; empty for none.

        Returns:
            The digest of the artifact's image manifest.

        Raises:
            DigestMismatch: if the registry reports another digest after the push.
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if the registry sends no usable response.
        """
        artifact = Artifact(config_media_type, layer_media_type, layer, title)
        digest = digest_of(artifact.manifest())
        with self._session.deadline():
            if await self._session.with_retries(self._get_digest, tag) != digest:
                await self._push(tag, artifact)
                found = await self._session.with_retries(self._get_digest, tag)
                if found != digest:
                    raise DigestMismatch(f"{self._name}:{tag} is {found or 'missing'} after {digest} was pushed")
        return digest

    async def _get_page(self, url: str, *, first: bool) -> tuple[list[str], str | None]:
        response = await self._session.send("GET", url)
        if first and response.status_code == NOT_FOUND and is_unknown(response.content):
            return [], None
        self._expect(response, {_OK})
        return tag_list(response.content), next_page(response.headers.get_list("Link"), str(response.url))

    async def _get_digest(self, reference: str) -> Digest | None:
        response = await self._session.send("HEAD", self._manifest_url(reference), headers=_ACCEPT_MANIFESTS)
        if response.status_code == _OK and _DIGEST in response.headers:
            return parse_digest(response.headers[_DIGEST])
        # Older registries send no digest, and HEAD has no body with the error code that a 404 needs (see is_unknown).
        manifest = await self._get_manifest(reference)
        return None if manifest is None else digest_of(manifest)

    async def _get_image_manifest(self, reference: str) -> ImageManifest | None:
        manifest = await self._get_manifest(reference)
        return None if manifest is None else ImageManifest.parse(manifest)

    async def _get_manifest(self, reference: str) -> bytes | None:
        response = await self._session.send("GET", self._manifest_url(reference), headers=_ACCEPT_MANIFESTS)
        if response.status_code == NOT_FOUND and is_unknown(response.content):
            return None
        self._expect(response, {_OK})
        expected = reference if ":" in reference else response.headers.get(_DIGEST)
        return verify(response.content, parse_digest(expected)) if expected else response.content

    async def _get_labels(self, config: Digest) -> dict[str, str]:
        response = await self._session.send("GET", self._blob_url(config))
        self._expect(response, {_OK})
        return labels(verify(response.content, config))

    async def _push_new_tag(self, tag: str, manifest: bytes) -> Digest | None:
        found = await self._get_digest(tag)
        if found is None:
            try:
                await self._push_manifest(tag, manifest)
            except RegistryError:
                # A registry with immutable tags rejects the write if another client has written the tag since the
                # check: Quay with 409, Harbor with 412, Amazon ECR with 400, each with an error code of its own.
                found = await self._get_digest(tag)
                if found is None:
                    raise
        return found

    async def _push(self, tag: str, artifact: Artifact) -> None:
        for blob in (artifact.config, artifact.layer):
            await self._session.with_retries(self._push_blob, blob)
        # Last, so that the tag never points at missing blobs.
        await self._session.with_retries(self._push_manifest, tag, artifact.manifest())

    async def _push_blob(self, content: bytes) -> None:
        digest = digest_of(content)
        if (await self._session.send("HEAD", self._blob_url(digest))).status_code == _OK:
            return
        opened = await self._session.send("POST", f"{self._root}/blobs/uploads/")
        self._expect(opened, _SUCCESS)
        url = upload_url(opened.headers.get("Location"), str(opened.url), digest)
        headers = {"Content-Type": "application/octet-stream"}
        self._expect(await self._session.send("PUT", url, headers=headers, content=content), _SUCCESS)

    async def _push_manifest(self, tag: str, manifest: bytes) -> None:
        headers = {"Content-Type": IMAGE_MANIFEST_TYPE}
        response = await self._session.send("PUT", self._manifest_url(tag), headers=headers, content=manifest)
        self._expect(response, _SUCCESS)

    def _manifest_url(self, reference: str) -> str:
        return f"{self._root}/manifests/{quote(reference, safe=':')}"

    def _blob_url(self, digest: Digest) -> str:
        return f"{self._root}/blobs/{digest}"

    def _expect(self, response: httpx.Response, statuses: Container[int]) -> None:
        if response.status_code not in statuses:
            raise RegistryUnavailable(f"{self._name} {describe(response.status_code, response.content)}")


def _parse_base_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.path.strip("/") or url.query:
        # The error does not quote the URL, because it may contain a password.
        raise InvalidInput("invalid registry URL: expected http:// or https:// and a host")
    return url
