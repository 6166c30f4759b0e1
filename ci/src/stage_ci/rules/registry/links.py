"""Where the links of a registry's responses lead: to the next page of a tag list, and to the upload of a blob.

Sources: OCI distribution-spec v1.1 (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md),
RFC 8288 section 3 (Link).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from stage_ci.errors import RegistryUnavailable
from stage_ci.rules.reference import Digest
from stage_ci.rules.registry.protocol import HEADER_MAX_CHARACTERS, TransientError

# RFC 8288, 3: one link of a header, up to the comma that ends it; then one of its parameters.
_LINK: Final = re.compile(
    r'\s*<([^<>]*)>((?:\s*;\s*[^\s;,="<>]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"<>]*))?)*)\s*(?:,|$)'
)
_PARAMETER: Final = re.compile(r';\s*([^\s;,="<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"<>]*)))?')

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LISTING: Final = "the tag listing"


def next_page(headers: Iterable[str], first: str) -> str | None:
    """Return the URL of the next page of a tag list (distribution-spec, "Listing Tags").

    Only the query of a link is taken, because that is what pages differ by. A registry behind a gateway writes its own
    scheme or an inner host name into a link, and Artifactory a path without the name of its virtual repository
    (https://github.com/renovatebot/renovate/issues/19817).

    Args:
        headers: The ``Link`` headers of a page.
        first: The URL of the first page.

    Returns:
        The URL of the first page with the query of the link; None on the last page.

    Raises:
        TransientError: if a header is invalid, which must not be read as the last page.
        RegistryUnavailable: if the link has no query and another host or port.
    """
    for header in headers:
        for target, relations in _links(header):
            if "next" in relations:
                query = _query(target)
                return urlsplit(first)._replace(query=query).geturl() if query else _resolve(target, first, _LISTING)
    return None


def upload_url(location: str | None, request_url: str, digest: Digest) -> str:
    """Return the URL to which a blob is uploaded (distribution-spec, "POST then PUT").

    Args:
        location: The ``Location`` header of the response that opened the upload.
        request_url: The absolute URL of the request that opened it.
        digest: The digest of the blob.

    Returns:
        The absolute URL with the registry's own query and the digest.

    Raises:
        TransientError: if there is no location.
        RegistryUnavailable: if the location has another host or port.
    """
    if not location:
        raise TransientError("opened an upload without a Location header")
    url = _resolve(location, request_url, "the upload")
    return f"{url}{'&' if urlsplit(url).query else '?'}digest={digest}"


def _links(header: str) -> Iterator[tuple[str, list[str]]]:
    position = 0
    while position < len(header):
        link = _LINK.match(header, position) if len(header) <= HEADER_MAX_CHARACTERS else None
        if link is None:
            raise TransientError("sent an invalid Link header")
        yield link[1], _relations(link[2])
        position = link.end()


def _relations(parameters: str) -> list[str]:
    # RFC 8288, 3.3: a second rel parameter of the same link is ignored, relation types compare without case.
    for parameter in _PARAMETER.finditer(parameters):
        if parameter[1].lower() == "rel":
            return (parameter[2] or parameter[3] or "").lower().split()
    return []


def _query(target: str) -> str:
    try:
        return urlsplit(target).query
    except ValueError:
        return ""


def _resolve(target: str, request_url: str, what: str) -> str:
    origin = urlsplit(request_url)
    try:
        url = urlsplit(urljoin(request_url, target))
        if url.scheme in _DEFAULT_PORTS and _host(url) == _host(origin):
            # A registry behind a gateway that ends TLS writes its own scheme into the URL, so the request's is kept.
            return url._replace(scheme=origin.scheme, netloc=origin.netloc).geturl()
    except ValueError:
        pass  # an invalid URL has no host that could match
    raise RegistryUnavailable(f"{what} of {origin.netloc} leads to another host")


def _host(url: SplitResult) -> tuple[str | None, int | None, bool]:
    port = None if url.port == _DEFAULT_PORTS.get(url.scheme) else url.port
    return url.hostname, port, "@" in url.netloc
