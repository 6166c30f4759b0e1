"""What can help against a refusal of a registry, a git server or a proxy, by the words of its reason."""

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

# Patterns of reasons, each with what can help.
Remedies: TypeAlias = Sequence[tuple[re.Pattern[str], str]]

# The first row whose pattern matches counts. OpenSSL (Python) and x509 (Go) name certificates; urllib3 and httpx report
# the status by which a proxy rejects a connection.
_REMEDIES: Final[Remedies] = (
    (
        re.compile(r"\bcertificate has expired\b", re.IGNORECASE),
        "renew the certificate of the server",
    ),
    (
        re.compile(r"certificate[ _]verify[ _]failed|\bx509:", re.IGNORECASE),
        "add the authority that signed the server's certificate to those of the machine on which the engine runs",
    ),
    (
        re.compile(
            r"\banswered 407\b|\b407 Proxy\b|(?:\bthe proxy in \w+|\bTunnel connection failed): 40[37]\b", re.IGNORECASE
        ),
        "check the user and the password of the proxy, and whether it lets the engine connect to this host",
    ),
    (
        re.compile(
            r"\bquota\b|\b(?:size|storage|upper) limit\b|\b(?:no|out of) space\b|\bdisk (?:is )?full\b|\btoo large\b",
            re.IGNORECASE,
        ),
        "make room on the server, or raise its limit",
    ),
    (
        re.compile(r"\bread[- ]only mode\b", re.IGNORECASE),
        "end the read-only mode of the server",
    ),
    (
        re.compile(r"\bSSO\b|\bSAML\b|single sign-on", re.IGNORECASE),
        "authorize the token for the organization's single sign-on",
    ),
    (
        re.compile(r"allow ?list|\bIP address|\bclient with IP\b|whitelist", re.IGNORECASE),
        "run where the server accepts connections from, or add the runner's address to its list",
    ),
)


def known_remedy(reason: str, own: Remedies = ()) -> str | None:
    """Return what can help against a refusal; None if the words of its reason give no hint.

    Args:
        reason: The reason.
        own: Remedies of the side that refuses, which go before those of all sides.
    """
    return next((remedy for pattern, remedy in (*own, *_REMEDIES) if pattern.search(reason)), None)
