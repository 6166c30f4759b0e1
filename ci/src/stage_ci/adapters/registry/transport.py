"""HTTP exchanges with a registry, each bounded in time, size and redirects; knows nothing of the registry protocol."""

import os
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType
from typing import Final

import anyio
import httpx

from stage_ci.adapters.certificates import trusted_certificates
from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.proxy import Proxy
from stage_ci.rules.registry.protocol import NoResponseError, TransientError
from stage_ci.rules.remedies import known_remedy

CONNECT_SECONDS: Final = 10.0
# distribution-spec, "Pushing Manifests": registries should accept image manifests of 4 MiB.
BODY_MAX_BYTES: Final = 8 * 1024 * 1024
REDIRECTS_MAX: Final = 5
# identity: a digest is that of the bytes as sent, and a small response cannot unpack into a large one.
_HEADERS: Final = MappingProxyType({"User-Agent": "stage-ci", "Accept-Encoding": "identity"})


class HttpTransport:
    """HTTP connections to a registry and to the hosts it redirects to, opened with the first request.

    Args:
        name: The repository's name in errors.
        transport: Replaces the network in tests.
        request_seconds: The time limit of one exchange, redirects and body included.
    """

    def __init__(self, name: str, transport: httpx.AsyncBaseTransport | None, request_seconds: float) -> None:
        self._name = name
        self._transport = transport
        self._seconds = request_seconds
        self._clients: dict[tuple[str, Proxy | None], httpx.AsyncClient] = {}

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request, follow its redirects and return the last response with its whole body.

        Args:
            request: The request; its Authorization header does not follow a redirect to another host.

        Raises:
            TransientError: if no connection is made.
            NoResponseError: if no complete response arrives in time.
            RegistryUnavailable: if the response exceeds a limit, the server's certificate is not trusted, or a proxy
                denies the connection; not retried.
            InvalidInput: if the environment names a proxy that cannot be used.
        """
        request.headers.update(_HEADERS)
        try:
            with anyio.fail_after(self._seconds):
                return await self._follow(request)
        except httpx.ConnectTimeout:
            raise TransientError(f"cannot be reached within {CONNECT_SECONDS:g} s{self._through(request)}") from None
        except (TimeoutError, httpx.TimeoutException):
            raise NoResponseError(f"did not answer within {self._seconds:g} s") from None
        except (httpx.ConnectError, httpx.ProxyError) as error:
            # Nothing was sent yet, so the text holds no secret; it names the host, the certificate or the port, or the
            # status by which a proxy rejects the connection.
            cause = f"cannot be reached{self._through(request)}: {error}"
            if remedy := known_remedy(cause):
                raise RegistryUnavailable(f"{self._name} {cause}", remedy=remedy) from None
            raise TransientError(cause) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The texts of these errors may quote a header, and so a secret.
            raise NoResponseError(f"sent an unreadable response ({type(error).__name__})") from None

    async def aclose(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def _follow(self, request: httpx.Request) -> httpx.Response:
        for _ in range(REDIRECTS_MAX + 1):
            response = await self._client(request.url).send(request, stream=True)
            try:
                # A write that httpx, like browsers, would repeat as GET is not followed: it would write nothing.
                if response.next_request is None or response.next_request.method != request.method:
                    return await self._read(response)
            finally:
                await response.aclose()
            if (request.url.scheme, response.next_request.url.scheme) == ("https", "http"):
                raise RegistryUnavailable(f"{self._name} redirects from https to http")
            request = response.next_request
        raise RegistryUnavailable(f"{self._name} redirects more than {REDIRECTS_MAX} times")

    async def _read(self, response: httpx.Response) -> httpx.Response:
        # Response.aread() has no bound, so the body is read here and put into a response of its own.
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > BODY_MAX_BYTES:
                raise RegistryUnavailable(f"{self._name} sent more than {BODY_MAX_BYTES} bytes")
        headers = httpx.Headers(response.headers)
        headers.pop("Content-Encoding", None)  # aiter_bytes() has decoded it
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=response.request)

    def _client(self, url: httpx.URL) -> httpx.AsyncClient:
        key = url.scheme, self._proxy(url)
        if key not in self._clients:
            self._clients[key] = self._open(*key)
        return self._clients[key]

    def _proxy(self, url: httpx.URL) -> Proxy | None:
        return None if self._transport else Proxy.of(str(url), os.environ)

    def _through(self, request: httpx.Request) -> str:
        proxy = self._proxy(request.url)
        return proxy.phrase if proxy else ""

    def _open(self, scheme: str, proxy: Proxy | None) -> httpx.AsyncClient:
        # Loading the trusted certificates takes longer than listing the tags of a local registry, and plain http
        # verifies none. Should https reach that client after all, its context without certificates trusts no host.
        verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if scheme == "http" else trusted_certificates()
        return httpx.AsyncClient(
            verify=verify,
            transport=self._transport,
            proxy=_open_proxy(proxy.url) if proxy else None,
            trust_env=False,
            timeout=httpx.Timeout(self._seconds, connect=CONNECT_SECONDS),
            # Harbor takes a client that returns its session cookie for a browser and requires a CSRF token of it
            # (goharbor/harbor, src/server/middleware/csrf/csrf.go), so no cookie is kept.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )


def _open_proxy(url: str) -> httpx.Proxy:
    return httpx.Proxy(url, ssl_context=trusted_certificates() if url.lower().startswith("https:") else None)
