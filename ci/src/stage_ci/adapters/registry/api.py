"""The exchanges with one repository of a registry; each sends one request, or the few that belong to one answer.

Source: OCI distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md).
"""

from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import httpx

from stage_ci.adapters.registry.session import Session
from stage_ci.errors import RegistryError, RepositoryMissing
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.error_response import is_missing_part, is_unknown
from stage_ci.rules.registry.image import ACCEPT, IMAGE_MANIFEST_TYPE, digest_of, is_digest, verify
from stage_ci.rules.registry.links import next_page, upload_url
from stage_ci.rules.registry.protocol import LOST_UPLOAD, NOT_FOUND, TransientError, tag_list

_DIGEST: Final = "Docker-Content-Digest"
# "Pushing Manifests with Subject": a registry without the referrers API does not send this header.
_SUBJECT: Final = "OCI-Subject"
_ACCEPT_MANIFESTS: Final = MappingProxyType({"Accept": ACCEPT})


class RepositoryApi:
    """The exchanges with one repository.

    Every method raises RegistryAccessDenied if the registry denies access, RegistryUnavailable if its answer is final
    and not one of the specification, and TransientError if another attempt may succeed.

    Args:
        root: The URL of the repository, such as ``https://registry/v2/owner/service``.
        name: The repository's name in errors.
        session: The session with the registry.
    """

    def __init__(self, root: str, name: str, session: Session) -> None:
        self._root = root
        self._name = name
        self._session = session

    @property
    def tags_url(self) -> str:
        """The URL of the first page of tags."""
        return f"{self._root}/tags/list"

    async def page(self, url: str, *, first: bool) -> tuple[list[str], str | None]:
        """Return a page of tags and the URL of the next one; no tags if the registry does not know the repository."""
        response = await self._session.send("GET", url)
        if first and await self._is_unknown(response):
            return [], None
        self._expect_success(response)
        try:
            tags = tag_list(response.content)
        except TransientError as error:  # such as a page to sign in
            raise TransientError(self._session.with_reason(error.cause, response)) from None
        return tags, next_page(response.headers.get_list("Link"), self.tags_url)

    async def digest(self, reference: str) -> Digest | None:
        """Return the digest of the image manifest under a tag or digest; None if the registry does not know it."""
        response = await self._session.head(self._manifest_url(reference), _ACCEPT_MANIFESTS)
        stated = response.headers.get(_DIGEST, "") if response else ""
        if is_digest(stated):
            return Digest(stated)
        # Older registries send no digest, some proxies reject HEAD, and a response to HEAD has no body with the error
        # code that a 404 needs (see is_unknown) and the reason of a denied request.
        manifest = await self.manifest(reference)
        return None if manifest is None else digest_of(manifest)

    async def manifest(self, reference: str) -> bytes | None:
        """Return the image manifest or image index under a tag or digest; None if the registry does not know it."""
        response = await self._session.send("GET", self._manifest_url(reference), headers=_ACCEPT_MANIFESTS)
        if await self._is_unknown(response):
            return None
        self._expect_success(response)
        stated = reference if is_digest(reference) else response.headers.get(_DIGEST, "")
        return verify(response.content, Digest(stated)) if is_digest(stated) else response.content

    async def blob(self, digest: Digest) -> bytes:
        """Return the content of a blob."""
        response = await self._session.send("GET", self._blob_url(digest))
        self._expect_success(response)
        return verify(response.content, digest)

    async def push_new_tag(self, tag: str, manifest: bytes) -> Digest | None:
        """Push an image manifest under a tag, unless the tag exists; return the digest that it names already."""
        found = await self.digest(tag)
        if found is None:
            try:
                await self.push_manifest(tag, manifest)
            except RegistryError:
                # A registry with immutable tags rejects the write if another client has written the tag since the
                # check: Quay with 409, Harbor with 412, Amazon ECR with 400, each with an error code of its own.
                found = await self.digest(tag)
                if found is None:
                    await self._session.pause()
                    found = await self.digest(tag)
                if found is None:
                    raise
        return found

    async def push_blob(self, content: bytes) -> None:
        """Push a blob, unless the registry holds it."""
        digest = digest_of(content)
        if await self._session.head(self._blob_url(digest)):
            return
        opened = await self._session.send("POST", f"{self._root}/blobs/uploads/")
        await self._expect_written(opened)
        url = upload_url(opened.headers.get("Location"), str(opened.url), digest)
        headers = {"Content-Type": "application/octet-stream"}
        written = await self._session.send("PUT", url, headers=headers, content=content)
        if written.status_code in LOST_UPLOAD:  # of a registry with several servers, of which one opened the upload
            raise TransientError(self._session.describe(written))
        self._expect_success(written)

    async def push_manifest(self, reference: str, manifest: bytes, media_type: str = IMAGE_MANIFEST_TYPE) -> bool:
        """Push an image manifest or image index; return whether the registry keeps it as a referrer of its subject."""
        headers = {"Content-Type": media_type}
        response = await self._session.send("PUT", self._manifest_url(reference), headers=headers, content=manifest)
        if not response.is_success and is_missing_part(response.content):
            raise TransientError(self._session.describe(response))  # its parts were pushed just before
        await self._expect_written(response)
        return _SUBJECT in response.headers

    def _manifest_url(self, reference: str) -> str:
        return f"{self._root}/manifests/{quote(reference, safe=':')}"

    def _blob_url(self, digest: Digest) -> str:
        return f"{self._root}/blobs/{digest}"

    async def _is_unknown(self, response: httpx.Response) -> bool:
        if response.status_code != NOT_FOUND:
            return False
        reported = is_unknown(response.content)
        return await self._session.is_registry(response) if reported is None else reported

    async def _expect_written(self, response: httpx.Response) -> None:
        if await self._is_unknown(response):
            raise RepositoryMissing(f"{self._name} {self._session.describe(response)}")
        self._expect_success(response)

    def _expect_success(self, response: httpx.Response) -> None:
        # Any 2xx: the specification has 201 for a pushed image manifest, and Quay answers 202
        # (https://github.com/containers/image/pull/382). What is read is checked by its form or digest.
        if not response.is_success:
            raise self._session.rejected(response)
