"""Keys that sign evidence: ECDSA on the curve P-256 with SHA-256, which `cosign generate-key-pair` makes.

An encrypted key is the JSON of go-securesystemslib, encrypted/encrypted.go: scrypt makes a key of the password, with
which NaCl's secretbox encrypts the key in PKCS #8.
"""

import base64
import hashlib
import json
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from stage_ci.errors import InvalidInput
from stage_ci.rules.credentials import without_line_break

_ENCRYPTED: Final = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
_SCRYPT_MEMORY: Final = 256 * 1024 * 1024  # bytes; cosign's parameters need 64 MiB
_KEY_BYTES: Final = 32


class PublicKey:
    """A public key.

    Attributes:
        text: Its DER in base64, in one line.
        fingerprint: The SHA-256 of its DER, as ``sha256:…``.
        hint: The same in base64, as in a bundle of cosign.
    """

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        der = key.public_bytes(serialization.Encoding.DER, public)
        digest = hashlib.sha256(der)
        self._key = key
        self.text = base64.b64encode(der).decode()
        self.fingerprint = f"sha256:{digest.hexdigest()}"
        self.hint = base64.b64encode(digest.digest()).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key in a PEM text, or in one line of base64 as in a record.

        Raises:
            InvalidInput: if it is no public key, or of another kind.
        """
        pem = text if "-----" in text else f"-----BEGIN PUBLIC KEY-----\n{text.strip()}\n-----END PUBLIC KEY-----\n"
        try:
            key = serialization.load_pem_public_key(pem.encode())
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise InvalidInput(
                "invalid public key: expected a PEM of an ECDSA key on the curve P-256",
                step="verify",
                remedy="give the cosign.pub that `cosign generate-key-pair` wrote",
            )
        return cls(key)

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Return whether ``signature`` is this key's over ``message``."""
        try:
            self._key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key.

    Attributes:
        public: Its public key.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def generate(cls) -> Self:
        """Return a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def parse(cls, pem: str, password: str = "") -> Self:
        """Return the key in a PEM text.

        Args:
            pem: A key of cosign, or one in PKCS #8 or SEC 1 (``PRIVATE KEY``, ``EC PRIVATE KEY``).
            password: Its password; empty for a key that is not encrypted, or with an empty password. Line breaks at its
                end are removed.

        Raises:
            InvalidInput: if it is no such key, if it is of another kind, or if the password is wrong.
        """
        password = without_line_break(password)
        if any(f"-----BEGIN {label}-----" in pem for label in _ENCRYPTED):
            key = _load(_decrypted(pem, password), serialization.load_der_private_key, None)
        else:
            # An unencrypted key with a password is an error of the library, and so of the caller.
            key = _load(pem.encode(), serialization.load_pem_private_key, password.encode() or None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise _invalid("expected an ECDSA key on the curve P-256")
        return cls(key)

    def pem(self) -> str:
        """Return the PEM text of the key, without a password."""
        private, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self._key.private_bytes(serialization.Encoding.PEM, private, plain).decode()

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message``."""
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))


def _load(content: bytes, load: Any, password: bytes | None) -> object:  # noqa: ANN401 - two functions of a library
    try:
        return load(content, password=password)
    # The texts of these errors may describe the key, so they are left out.
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _invalid("the file is damaged, or the password does not belong to it") from None


def _decrypted(pem: str, password: str) -> bytes:
    try:
        body = "".join(line for line in pem.strip().splitlines() if "-----" not in line)
        fields = json.loads(base64.b64decode(body, validate=True))
        parameters = fields["kdf"]["params"]
        secret = hashlib.scrypt(
            password.encode(),
            salt=base64.b64decode(fields["kdf"]["salt"]),
            n=parameters["N"],
            r=parameters["r"],
            p=parameters["p"],
            maxmem=_SCRYPT_MEMORY,
            dklen=_KEY_BYTES,
        )
        nonce, ciphertext = (base64.b64decode(text) for text in (fields["cipher"]["nonce"], fields["ciphertext"]))
        return SecretBox(secret).decrypt(ciphertext, nonce)
    except CryptoError:
        raise _invalid("the password is wrong") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _invalid("the file is damaged") from None


def _invalid(reason: str) -> InvalidInput:
    return InvalidInput(
        f"invalid --signing-key: {reason}",
        step="sign",
        remedy="give the cosign.key that `cosign generate-key-pair` wrote, and its password with --signing-password",
    )
