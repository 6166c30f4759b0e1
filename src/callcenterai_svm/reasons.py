"""Why a process that talks to MLflow failed, fit for a person and without a secret."""

import os
import re
from typing import Final

# A reason is for a person at a terminal: MLflow's can fill pages.
LONGEST_REASON: Final = 300

# Variables whose values no reason may repeat.
SECRET: Final = re.compile(r"(?:TOKEN|PASSWORD|SECRET|KEY)$")

# User and password in front of a host: RFC 3986, section 3.2.1.
USERINFO: Final = re.compile(r"//[^/@\s]*@")


def last_words(errors: bytes, silent: str, *secrets: str) -> str:
    """Returns the last line that a process printed, short and without a secret.

    Args:
        errors: What it printed.
        silent: What to say of one that printed nothing.
        secrets: Values to hide beside those of the environment's variables.
    """
    lines = errors.decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else silent
    hidden = [value for name, value in os.environ.items() if SECRET.search(name)]
    for secret in filter(None, (*secrets, *hidden)):
        reason = reason.replace(secret, "***")
    return without_userinfo(reason)[:LONGEST_REASON]


def without_userinfo(text: str) -> str:
    """Hides user and password in each address of a text."""
    return USERINFO.sub("//***@", text)
