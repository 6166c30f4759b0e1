"""A proxy in front of a real registry, with the authentication and the faults of other registries and networks."""

import base64
import http.client
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.servers.fault_proxy import HOP_BY_HOP, FaultProxy
from tests.servers.loopback import Reply, Request


def registry_proxy(
    address: str, request_filter: Callable[[Request], Reply | None] = lambda _: None, port: int = 0
) -> FaultProxy:
    """Return a proxy in front of the registry at ``address``, a host and a port.

    Args:
        address: Host and port of the registry.
        request_filter: Rejects requests.
        port: The proxy's own port; 0 for a free one.
    """

    def upstream(request: Request) -> Reply:
        connection = http.client.HTTPConnection(address, timeout=60)
        try:
            # The Host header is forwarded, because the registry derives the Location of an upload from it.
            headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
            connection.request(request.method, request.target, request.body, headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
        if request.method == "HEAD" and response.headers["Content-Length"]:
            kept["Content-Length"] = response.headers["Content-Length"]
        return Reply(response.status, body, kept)

    return FaultProxy(upstream, request_filter, port)


def unauthorized(challenge: str) -> Reply:
    """Return a registry's reply to an unauthenticated request."""
    body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}).encode()
    return Reply(401, body, {"WWW-Authenticate": challenge, "Content-Type": "application/json"})


def basic(username: str, password: str) -> str:
    """Return the Authorization header of Basic authentication (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def asks_for_basic(authorization: str) -> Callable[[Request], Reply | None]:
    """Return a filter that requires ``authorization``, except for the vulnerability database."""

    def request_filter(request: Request) -> Reply | None:
        if request.authorization == authorization or request.target.startswith("/v2/aquasec/"):
            return None
        return unauthorized('Basic realm="registry"')

    return request_filter


@dataclass
class TokenService:
    """A token service that issues Bearer tokens for a password, and revokes them when a test calls ``expire``.

    Source: https://distribution.github.io/distribution/spec/auth/token/

    Attributes:
        authorization: The Authorization header that a token request needs.
        prefix: What every token starts with.
        hides: Whether a read names only the access to pull, and a token without access to push is answered 401, as by
            Docker Hub and Quay as long as the repository does not exist.
        given: The number of tokens issued to the user.
    """

    authorization: str
    prefix: str = ""
    hides: bool = False
    given: int = 0
    _valid: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expire(self) -> None:
        """Revoke every token issued so far."""
        with self._lock:
            self._valid.clear()

    def filter(self, request: Request) -> Reply | None:
        """Issue tokens on /token and require one elsewhere, except for the vulnerability database."""
        path = urlsplit(request.target).path
        if path == "/token":
            return self._token(request)
        if path.startswith("/v2/aquasec/"):
            return None
        with self._lock:
            valid = request.authorization.removeprefix("Bearer ") in self._valid
        if valid:
            return None
        repository = "/".join(path.split("/")[2:4])
        actions = "pull" if self.hides and request.method in {"GET", "HEAD"} else "pull,push"
        scope = f',scope="repository:{repository}:{actions}"' if repository else ""
        return unauthorized(f'Bearer realm="http://{request.headers["host"]}/token",service="registry"{scope}')

    def _token(self, request: Request) -> Reply:
        query = parse_qs(urlsplit(request.target).query)
        public = any(scope.startswith("repository:aquasec/") for scope in query.get("scope", []))
        if request.authorization != self.authorization and not public:
            return unauthorized('Basic realm="tokens"')
        with self._lock:
            self.given += not public
            token = self.prefix + secrets.token_hex(16)
            if public or not self.hides or any("push" in scope for scope in query.get("scope", [])):
                self._valid.add(token)
        return Reply(200, json.dumps({"token": token}).encode(), {"Content-Type": "application/json"})
