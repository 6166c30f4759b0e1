"""What can help against the refusals that servers of any kind give."""

import pytest

from stage_ci.rules.remedies import known_remedy


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("answered 403 (DENIED): adding 2.1 GiB will exceed the configured upper limit of 10.0 GiB", "make room"),
        ("denied: Quota has been exceeded on namespace", "make room"),
        ('StatusCode: 413, "<title>413 Request Entity Too Large</title>"', "make room"),
        ("mkdir /var/lib/registry: no space left on device", "make room"),
        ("the blob store is out of space", "make room"),
        ("The system is in read only mode. Any modification is prohibited.", "end the read-only mode"),
        ("the organization has enabled SAML SSO", "single sign-on"),
        ("client with IP '192.0.2.1' is not allowed access", "add the runner's address"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer", "add the authority"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "add the authority"),
        ("certificate verify failed: certificate has expired (_ssl.c:1006)", "renew the certificate"),
        ("x509: certificate has expired or is not yet valid", "renew the certificate"),
        ("answered 407", "the password of the proxy"),
        ("cannot be reached through the proxy in HTTPS_PROXY: 407 Proxy Authentication Required", "of the proxy"),
        ("cannot be reached through the proxy in HTTPS_PROXY: 403 Forbidden", "lets the engine connect to this host"),
        ("OSError('Tunnel connection failed: 403 blocked by policy')", "lets the engine connect to this host"),
    ],
)
def test_a_known_reason_has_its_remedy(reason: str, remedy: str) -> None:
    """The reasons for which a remedy is known lead to it, whichever server or library words them."""
    assert remedy in (known_remedy(reason) or "")


@pytest.mark.parametrize(
    "reason",
    [
        "answered 403 (DENIED): requested access to the resource is denied",
        "answered 429 (TOOMANYREQUESTS): you have reached your pull rate limit",
        "cannot be reached through the proxy in HTTPS_PROXY: 502 Bad Gateway",
        "cannot be reached: [SSL: WRONG_VERSION_NUMBER] wrong version number",
        "ticket 407 is closed",
        "",
    ],
)
def test_any_other_reason_has_none(reason: str) -> None:
    """A reason whose words give no hint has no remedy, and the error keeps that of its class."""
    assert known_remedy(reason) is None
