"""A git client for HTTP that sends the token to one host only, limits each request, and keeps the server's reasons."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urljoin, urlsplit

from dulwich.client import HttpGitClient
from dulwich.errors import GitProtocolError
from dulwich.protocol import (
    CAPABILITY_REPORT_STATUS,
    CAPABILITY_SIDE_BAND_64K,
    SIDE_BAND_CHANNEL_DATA,
    SIDE_BAND_CHANNEL_FATAL,
    PktLineParser,
    Protocol,
)
from urllib3 import BaseHTTPResponse, Retry

from stage_ci.adapters.git_pool import open_pool
from stage_ci.errors import InfrastructureAccessDenied, UnsupportedRepository
from stage_ci.rules.git_server import denial, excerpt, is_dumb, page_denial, response_text
from stage_ci.rules.infrastructure import GitIdentity

if TYPE_CHECKING:
    from dulwich.client import HTTPResponse

_BODY_MAX: Final = 65_536  # bytes of a denied response that are read
# What a server needs so that the result of a push is known, and the output of its hooks.
_REPORTED: Final = {CAPABILITY_SIDE_BAND_64K, CAPABILITY_REPORT_STATUS}
_GIT: Final = "application/x-git-"  # gitprotocol-http(5), "Smart Clients" and "Smart Service"
_UNPACKED: Final = b"unpack ok"  # gitprotocol-pack(5), "Report Status"

Read = Callable[[int], bytes]


class RemoteError(GitProtocolError):
    """The server answered a request with an error line of the git protocol, such as "upload-pack: not our ref"."""


class SmartHttpClient(HttpGitClient):
    """A client of one repository that speaks the smart HTTP protocol.

    Args:
        url: The URL of the repository.
        token: The token, sent as password; None for anonymous access.
        identity: Its user is sent with the token.
        timeout: The limit of each connection attempt and each read, in seconds.

    Raises:
        InfrastructureAccessDenied: if an HTTP header cannot hold the token.
        InvalidInput: if the environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, url: str, token: str | None, identity: GitIdentity, timeout: float) -> None:
        if token and not (token.isascii() and token.isprintable()):
            raise InfrastructureAccessDenied(f"the token for {url} contains characters that are not printable ASCII")
        parts = urlsplit(url)
        user = identity.user if token else None
        base = f"{parts.scheme}://{parts.netloc}"
        pool = open_pool(base, timeout)
        super().__init__(base, pool_manager=pool, username=user, password=token, timeout=timeout)
        # urllib3 retries on its own by default; here the caller decides about retries and bounds them.
        self.pool_manager.connection_pool_kw["retries"] = Retry(
            connect=0, read=0, status=0, other=0, redirect=3, raise_on_redirect=False
        )
        self._repository_url = url
        self._secrets = identity.secrets(token)
        self._discovered: dict[tuple[object, ...], Any] = {}

    @staticmethod
    def _warn_filter_objects() -> None:
        """Log nothing if the server does not support partial clones: it then sends all files."""

    def _discover_references(
        self,
        service: bytes,
        base_url: str,
        protocol_version: int | None = None,
        ref_prefix: Sequence[bytes] | None = None,
    ) -> Any:  # noqa: ANN401 - as in dulwich, which returns five values
        # The second fetch of an exchange wants a file of the commit that the first one found, and asks for no refs.
        key = (service, base_url, tuple(ref_prefix or ()))
        if key not in self._discovered:
            self._discovered[key] = super()._discover_references(service, base_url, protocol_version, ref_prefix)
        return self._discovered[key]

    def _negotiate_upload_pack_capabilities(self, server_capabilities: set[bytes]) -> Any:  # noqa: ANN401 - as above
        # gitprotocol-capabilities(5) has the capability alone, gitprotocol-v2(5) as a feature: fetch=shallow filter.
        # In version 0, an empty repository has none at all.
        words = b" ".join(server_capabilities).replace(b"=", b" ").split()
        if words and b"shallow" not in words:
            raise UnsupportedRepository(
                f"the server of {self._repository_url} does not support shallow clones",
                remedy="keep the deployment manifest on a server that does",
            )
        return super()._negotiate_upload_pack_capabilities(server_capabilities)

    def _negotiate_receive_pack_capabilities(self, server_capabilities: set[bytes]) -> Any:  # noqa: ANN401 - as above
        if not server_capabilities >= _REPORTED:
            raise UnsupportedRepository(
                f"the server of {self._repository_url} does not report the result of a push",
                remedy="keep the deployment manifest on a server that does",
            )
        return super()._negotiate_receive_pack_capabilities(server_capabilities)

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,  # noqa: FBT001, FBT002 - as in dulwich
    ) -> "tuple[HTTPResponse, Read]":
        # dulwich raises for every status but 200 without reading the body, which holds the reason.
        response, read = super()._http_request(url, headers, data, raise_for_status=False)
        self._raise_if_redirected_elsewhere(url, cast("BaseHTTPResponse", response))
        accepted = response.status == HTTPStatus.OK
        # dulwich takes any other type, also the page of a proxy, for the dumb protocol.
        page = accepted and not response.headers.get("Content-Type", "").lower().startswith(_GIT)
        if not page and (accepted or not raise_for_status):
            return response, read
        body = self._body(read)
        response.close()
        if page and is_dumb(body):
            raise UnsupportedRepository(
                f"the server of {self._repository_url} speaks only git's dumb protocol, which takes no pushes",
                remedy="give the URL at which the server takes pushes, or keep the manifest on another server",
            )
        reason = self._excerpt(response_text(body))
        has_token = bool(self._secrets)
        denied = (
            page_denial(body, reason, has_token=has_token)
            if page
            else denial(response.status, reason, has_token=has_token)
        )
        if denied:
            raise InfrastructureAccessDenied(f"{self._repository_url} {denied[0]}", remedy=denied[1])
        cause = "a page instead of git's protocol:" if page else f"HTTP status {response.status}"
        raise GitProtocolError(f"{cause} {reason}".rstrip(" :"))

    def _raise_if_redirected_elsewhere(self, url: str, response: BaseHTTPResponse) -> None:
        """Raise if a redirect led to a host that does not get the token, or to a page such as that for signing in.

        Of a repository that was renamed, the same request is redirected within the host.
        """
        target = url
        for hop in response.retries.history if response.retries else ():
            target = urljoin(target, hop.redirect_location or "")
        there, here = urlsplit(target), urlsplit(url)
        page = there.path.rpartition("/")[2] != here.path.rpartition("/")[2]
        elsewhere = self._auth_header and self._origin(target) != self._auth_origin
        if page or elsewhere:
            shown = f"{there.scheme}://{there.netloc.rpartition('@')[2]}{there.path.removesuffix('/info/refs')}"
            what = "which is not a repository" if page else "where the token is not sent"
            raise InfrastructureAccessDenied(
                f"{self._repository_url} redirects to {shown}, {what}",
                remedy="if the repository has moved, give its new URL with --infra-repo; otherwise check the token",
            )

    def _smart_request(
        self, service: str, url: str, data: bytes | Iterator[bytes] | None
    ) -> "tuple[HTTPResponse, Read]":
        response, read = super()._smart_request(service, url, data)
        head = read(8)
        # gitprotocol-common(5), "ERR": dulwich reads it in a listing of refs only.
        if head[4:] == b"ERR ":
            raise RemoteError(self._excerpt(self._body(read).decode(errors="replace")))

        def read_all(size: int) -> bytes:
            nonlocal head
            first, head = head[:size], head[size:]
            return first + read(size - len(first)) if len(first) < size else first

        return response, read_all

    def _handle_receive_pack_tail(
        self,
        proto: Protocol,
        capabilities: AbstractSet[bytes],  # noqa: ARG002 - as in dulwich; they include those of _REPORTED
        progress: Callable[[bytes], None] | None = None,
    ) -> dict[bytes, str | None]:
        """Return the status of each ref after a push, None if it was updated; pass the output of hooks to ``progress``.

        Replaces that of dulwich, which changes all characters of the output that are not ASCII to question marks.
        """
        lines: list[bytes] = []
        report = PktLineParser(lambda packet: lines.append(packet.strip()) if packet else None)
        output = progress or (lambda _: None)
        for packet in proto.read_pkt_seq():
            channel, content = packet[0], packet[1:]
            if channel == SIDE_BAND_CHANNEL_DATA:
                report.parse(content)
            elif channel == SIDE_BAND_CHANNEL_FATAL:
                raise RemoteError(self._excerpt(content.decode(errors="replace")))
            else:
                output(content)
        if lines and lines[0] != _UNPACKED:
            output(b"\n" + lines[0])
        words = (line.split(b" ", 2) for line in lines[1:])
        return {ref: reason[0].decode(errors="replace") if reason else None for _, ref, *reason in words}

    def _body(self, read: Read) -> bytes:
        body = read(_BODY_MAX)
        if len(body) < _BODY_MAX or not self._secrets:
            return body
        # The first part of a token at the end would not be recognized. Whole ones are masked before the end is left
        # out, which would cut them as well.
        for secret in self._secrets:
            body = body.replace(secret.encode(), b"***")
        return body[: -max(map(len, self._secrets))]

    def _excerpt(self, text: str) -> str:
        return excerpt(text, self._secrets)
