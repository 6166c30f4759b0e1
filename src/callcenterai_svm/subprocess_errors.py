"""Extracts a one-line reason, without secrets, from a failed subprocess's output."""

import os
import re
from typing import Final

MAX_REASON_LENGTH: Final = 300
"""Characters of a reason; MLflow's messages can fill pages."""

# Environment variables whose values are secret.
SECRET_NAME: Final = re.compile(r"(?:TOKEN|PASSWORD|SECRET|KEY)$")

# User name and password before the host: RFC 3986, section 3.2.1.
USERINFO: Final = re.compile(r"//[^/@\s]*@")


def last_error_line(errors: bytes, default: str, *secrets: str) -> str:
    """Returns the last line of a process's standard error, shortened, secrets masked.

    Args:
        errors: The standard error of the process.
        default: The reason to give if it is empty.
        secrets: Values to mask, in addition to those of secret environment variables.
    """
    lines = errors.decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else default
    inherited = [
        value for name, value in os.environ.items() if SECRET_NAME.search(name)
    ]
    for secret in filter(None, (*secrets, *inherited)):
        reason = reason.replace(secret, "***")
    return redact_userinfo(reason)[:MAX_REASON_LENGTH]


def redact_userinfo(text: str) -> str:
    """Masks the user name and password in every URL of a text."""
    return USERINFO.sub("//***@", text)
