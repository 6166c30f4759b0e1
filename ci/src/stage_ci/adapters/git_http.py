"""A git client for HTTP that sends the token, limits each request, and keeps the reason of a denied one."""

import base64
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dulwich.client import HttpGitClient, HTTPUnauthorized
from dulwich.errors import GitProtocolError, NotGitRepository
from urllib3 import Retry

from stage_ci.adapters.git_pool import open_pool
from stage_ci.errors import InfrastructureAccessDenied

if TYPE_CHECKING:
    from dulwich.client import HTTPResponse

_BODY_MAX: Final = 4_096  # bytes of a denied response that are read and searched for the token
_REASON_MAX: Final = 250  # characters of it that are shown
# GitHub accepts any user name beside a token and documents this one for apps:
# https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
_USER: Final = "x-access-token"


class ForbiddenError(GitProtocolError):
    """The server answered 403; the text is that of the response, such as "This repository is archived"."""


class SmartHttpClient(HttpGitClient):
    """A client of one git server that speaks the smart HTTP protocol.

    Args:
        url: The URL of a repository on the server.
        token: The token, sent as password; None for anonymous access.
        timeout: The limit of each connection attempt and each read, in seconds.

    Raises:
        InfrastructureAccessDenied: if an HTTP header cannot hold the token.
        InvalidInput: if the environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        if token and not (token.isascii() and token.isprintable()):
            raise InfrastructureAccessDenied(f"the token for {url} contains characters that are not printable ASCII")
        parts = urlsplit(url)
        user = _USER if token else None
        base = f"{parts.scheme}://{parts.netloc}"
        pool = open_pool(base, timeout)
        super().__init__(base, pool_manager=pool, username=user, password=token, timeout=timeout)
        # urllib3 retries on its own by default; here the caller decides about retries and bounds them.
        self.pool_manager.connection_pool_kw["retries"] = Retry(connect=0, read=0, status=0, other=0, redirect=3)
        self._secrets = [token, base64.b64encode(f"{_USER}:{token}".encode()).decode()] if token else []

    @property
    def dumb(self) -> bool:
        """Whether the server speaks the dumb protocol: never, because dulwich takes any page of a proxy for it."""
        return False

    @dumb.setter
    def dumb(self, value: bool) -> None:
        if value:
            raise GitProtocolError("the response is not of the smart HTTP protocol")

    @staticmethod
    def _warn_filter_objects() -> None:
        """Log nothing if the server does not support partial clones: it then sends all files."""

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,  # noqa: FBT001, FBT002 - as in dulwich
    ) -> "tuple[HTTPResponse, Callable[[int], bytes]]":
        # dulwich raises for every status but 200 without reading the body, which holds the reason of a 403.
        response, read = super()._http_request(url, headers, data, raise_for_status=False)
        if not raise_for_status or response.status == HTTPStatus.OK:
            return response, read
        if response.status == HTTPStatus.NOT_FOUND:
            raise NotGitRepository
        if response.status == HTTPStatus.UNAUTHORIZED:
            raise HTTPUnauthorized(response.headers.get("WWW-Authenticate"), url)
        if response.status == HTTPStatus.FORBIDDEN:
            raise ForbiddenError(f"HTTP status 403 {self._reason(read(_BODY_MAX))}")
        raise GitProtocolError(f"HTTP status {response.status}")

    def _reason(self, body: bytes) -> str:
        text = body.decode(errors="replace")
        markup = text.lstrip().startswith("<")
        return "" if markup or any(secret in text for secret in self._secrets) else text[:_REASON_MAX]
