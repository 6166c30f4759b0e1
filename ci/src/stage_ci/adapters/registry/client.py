"""One repository in a registry: its tags, the digests and labels of its images, and small artifacts pushed to it.

Source: OCI distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx

from stage_ci.adapters.gather import gather_all
from stage_ci.adapters.registry.api import RepositoryApi
from stage_ci.adapters.registry.policy import RETRY_POLICY, RetryPolicy
from stage_ci.adapters.registry.session import Session
from stage_ci.errors import DigestMismatch, InvalidInput, RegistryUnavailable
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.auth import RegistryLogin
from stage_ci.rules.registry.image import INDEX_TYPE, Artifact, ImageManifest, digest_of, labels
from stage_ci.rules.registry.referrers import Referrer, fallback_tag, image_descriptor, with_referrers

T = TypeVar("T")


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
        root = f"{base.scheme}://{base.netloc.decode()}/v2/{quote(path)}"
        self._name = f"{base.netloc.decode()}/{path}"
        self._pages = policy.pages
        self._session = Session(root, self._name, login, transport, policy)
        self._api = RepositoryApi(root, self._name, self._session)

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
        page: str | None = self._api.tags_url
        with self._session.deadline():
            while page:
                if page in seen or len(seen) == self._pages:
                    raise RegistryUnavailable(f"the tag listing of {self._name} does not end (page {len(seen) + 1})")
                seen.add(page)
                tags, page = await self._session.with_retries(self._api.page, page, first=len(seen) == 1)
                found += tags
        return found

    async def digest(self, reference: str, *, pushed: bool = False) -> Digest | None:
        """Return the digest of an image manifest (distribution-spec, "Checking if content exists in the registry").

        Args:
            reference: A tag or a digest.
            pushed: Whether it was just pushed; then a registry that does not know it is asked once more.

        Returns:
            The digest; None if the registry does not know the reference or the repository.

        Raises:
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if the registry sends no usable response.
        """
        with self._session.deadline():
            read = self._after_push if pushed else self._session.with_retries
            return await read(self._api.digest, reference)

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
            manifest = await self._session.with_retries(self._image_manifest, reference)
            if manifest and manifest.linux_amd64:
                manifest = await self._session.with_retries(self._image_manifest, str(manifest.linux_amd64))
            if manifest is None or manifest.config is None:
                return None
            return await self._session.with_retries(self._labels, manifest.config)

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
            manifest = await self._pushed(digest)
            return await self._session.with_retries(self._api.push_new_tag, name, manifest)

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
            if await self._session.with_retries(self._api.digest, tag) != digest:
                await self._push(artifact, tag)
                found = await self._after_push(self._api.digest, tag)
                if found != digest:
                    raise DigestMismatch(f"{self._name}:{tag} is {found or 'missing'} after {digest} was pushed")
        return digest

    async def push_referrers(self, subject: Digest, artifacts: Sequence[Artifact]) -> list[Digest]:
        """Push small files as artifacts that refer to an image (distribution-spec, "Pushing Manifests with Subject").

        For a registry without the referrers API, they are also listed under the tag of "Referrers Tag Schema".

        Args:
            subject: The image manifest, which the repository must hold.
            artifacts: The files.

        Returns:
            The digests of the artifacts' image manifests.

        Raises:
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if the image manifest is missing, or the registry sends no usable response.
        """
        with self._session.deadline():
            image = image_descriptor(await self._pushed(subject))
            referring = [replace(artifact, subject=image) for artifact in artifacts]
            blobs = {blob for artifact in referring for blob in (artifact.config, artifact.layer)}
            await gather_all(self._session.with_retries(self._api.push_blob, blob) for blob in blobs)
            manifests = [artifact.manifest() for artifact in referring]
            listed = await gather_all(self._push_by_digest(manifest) for manifest in manifests)
            if not all(listed):
                await self._session.with_retries(self._list_referrers, subject, manifests)
        return [digest_of(manifest) for manifest in manifests]

    async def referrer(self, digest: Digest) -> Referrer | None:
        """Return a file that was pushed as a referrer.

        Args:
            digest: The digest of its image manifest.

        Returns:
            The file; None if the registry does not hold it.

        Raises:
            RegistryAccessDenied: if the registry denies access.
            RegistryUnavailable: if it is not such a file, or the registry sends no usable response.
        """
        with self._session.deadline():
            return await self._session.with_retries(self._referrer, digest)

    async def _after_push(self, read: Callable[[str], Awaitable[T | None]], reference: str) -> T | None:
        # A registry with several servers may show a push to one of them only after a moment.
        found = await self._session.with_retries(read, reference)
        if found is None:
            await self._session.pause()
            found = await self._session.with_retries(read, reference)
        return found

    async def _pushed(self, digest: Digest) -> bytes:
        manifest = await self._after_push(self._api.manifest, str(digest))
        if manifest is None:
            raise RegistryUnavailable(f"{self._name} does not hold {digest}, which was just pushed")
        return manifest

    async def _referrer(self, digest: Digest) -> Referrer | None:
        manifest = await self._api.manifest(str(digest))
        if manifest is None:
            return None
        subject, layer = Referrer.parts(manifest)
        return Referrer(subject, await self._api.blob(layer))

    async def _push_by_digest(self, manifest: bytes) -> bool:
        return await self._session.with_retries(self._api.push_manifest, str(digest_of(manifest)), manifest)

    async def _list_referrers(self, subject: Digest, manifests: Sequence[bytes]) -> None:
        tag = fallback_tag(subject)
        listed = await self._api.manifest(tag)
        index = with_referrers(listed, manifests)
        if index != listed:  # a registry with immutable tags rejects even an equal list
            await self._api.push_manifest(tag, index, INDEX_TYPE)

    async def _image_manifest(self, reference: str) -> ImageManifest | None:
        manifest = await self._api.manifest(reference)
        return None if manifest is None else ImageManifest.parse(manifest)

    async def _labels(self, config: Digest) -> dict[str, str]:
        return labels(await self._api.blob(config))

    async def _push(self, artifact: Artifact, tag: str) -> None:
        for blob in (artifact.config, artifact.layer):
            await self._session.with_retries(self._api.push_blob, blob)
        # Last, so that the tag never points at missing blobs.
        await self._session.with_retries(self._api.push_manifest, tag, artifact.manifest())


def _parse_base_url(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.path.strip("/") or url.query:
        # The error does not quote the URL, because it may contain a password.
        raise InvalidInput("invalid registry URL: expected http:// or https:// and a host")
    return url
