"""The certificates by which the module verifies servers: the system's, as git, skopeo and Trivy do.

A company adds its own authority to the system's store, and the engine adds those of its machine to each container
(https://docs.dagger.io/reference/configuration/custom-ca). httpx alone trusts only those of the package certifi.
"""

import os
import ssl
from pathlib import Path
from typing import Final

import httpx

from stage_ci.errors import InvalidInput

# https://docs.openssl.org/master/man7/openssl-env/: they replace OpenSSL's own locations.
_FILE: Final = "SSL_CERT_FILE"
_FOLDER: Final = "SSL_CERT_DIR"


def trusted_certificates() -> ssl.SSLContext:
    """Return a context that verifies servers by the system's certificates, or by certifi's if the system has none.

    Raises:
        InvalidInput: if SSL_CERT_FILE names no file with certificates, or SSL_CERT_DIR alone no folder.
    """
    file, folders = os.environ.get(_FILE), os.environ.get(_FOLDER)
    if file and not Path(file).is_file():
        raise _invalid(f"{_FILE} names no file: {file!r}")
    if folders and not file and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise _invalid(f"{_FOLDER} names no folder: {folders!r}")
    found = ssl.get_default_verify_paths()
    folder = Path(found.capath) if found.capath else None
    if not (file or folders or found.cafile or (folder and any(folder.iterdir()))):
        return httpx.create_ssl_context(trust_env=False)
    context = ssl.create_default_context()
    if file:
        try:
            context.load_verify_locations(file)  # the default context ignores a file that it cannot read
        except (ssl.SSLError, OSError):
            raise _invalid(f"{_FILE} names a file without readable certificates: {file!r}") from None
    # From Python 3.13 on, it rejects authorities without fields that git, skopeo and Trivy do not require, such as
    # those of inspecting proxies: https://docs.python.org/3/library/ssl.html#ssl.create_default_context
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _invalid(cause: str) -> InvalidInput:
    return InvalidInput(cause, step="certificates", remedy="correct it where the engine was started")
