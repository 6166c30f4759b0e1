"""The keys that sign evidence: their formats, what is rejected, and their signatures."""

import base64
import hashlib
import json
import traceback
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from nacl.secret import SecretBox

from stage_ci.adapters.signing import PublicKey, SigningKey
from stage_ci.errors import InvalidInput

PASSWORD: Final = "canary-9b41"  # noqa: S105 - a canary
P256: Final = ec.generate_private_key(ec.SECP256R1())
OTHER_KINDS: Final[dict[str, Any]] = {
    "RSA": rsa.generate_private_key(65_537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
}
PKCS8: Final = serialization.PrivateFormat.PKCS8
SEC1: Final = serialization.PrivateFormat.TraditionalOpenSSL
DER: Final = P256.private_bytes(serialization.Encoding.DER, PKCS8, serialization.NoEncryption())
PUBLIC: Final = serialization.PublicFormat.SubjectPublicKeyInfo
PUBLIC_DER: Final = P256.public_key().public_bytes(serialization.Encoding.DER, PUBLIC)
PUBLIC_PEM: Final = P256.public_key().public_bytes(serialization.Encoding.PEM, PUBLIC).decode()
FINGERPRINT: Final = f"sha256:{hashlib.sha256(PUBLIC_DER).hexdigest()}"

COSIGN: Final = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"]
SALT: Final = b"s" * 32
NONCE: Final = b"n" * SecretBox.NONCE_SIZE
PARAMETERS: Final = {"N": 2, "r": 8, "p": 1}  # cosign's N is 65536, which takes a tenth of a second

PREFIX: Final = "^sign: invalid --signing-key: "
REMEDY: Final = "; give the cosign.key that `cosign generate-key-pair` wrote, and its password with --signing-password$"
PUBLIC_ERROR: Final = (
    "^verify: invalid public key: expected a PEM of an ECDSA key on the curve P-256; "
    "give the cosign.pub that `cosign generate-key-pair` wrote$"
)


def pem(key: Any, form: serialization.PrivateFormat = PKCS8, password: str = "") -> str:  # noqa: ANN401 - any kind of key
    """Return the PEM text of a private key, encrypted if there is a password."""
    plain = serialization.NoEncryption()
    encryption = serialization.BestAvailableEncryption(password.encode()) if password else plain
    return str(key.private_bytes(serialization.Encoding.PEM, form, encryption).decode())


def armored(content: bytes, label: str = COSIGN[0]) -> str:
    """Return a PEM text with any content."""
    return f"-----BEGIN {label}-----\n{base64.encodebytes(content).decode()}-----END {label}-----\n"


def cosign(der: bytes, password: str, **changed: object) -> bytes:
    """Return the JSON inside a key of cosign, with changed fields."""
    secret = hashlib.scrypt(password.encode(), salt=SALT, n=2, r=8, p=1, dklen=32)
    fields = {
        "kdf": {"name": "scrypt", "params": PARAMETERS, "salt": base64.b64encode(SALT).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(NONCE).decode()},
        "ciphertext": base64.b64encode(SecretBox(secret).encrypt(der, NONCE).ciphertext).decode(),
    }
    return json.dumps(fields | changed).encode()


def rejection(text: str, password: str) -> str:
    """Return how a rejected key is reported, with the errors that led to it."""
    with pytest.raises(InvalidInput) as failed:
        SigningKey.parse(text, password)
    return "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize("form", [PKCS8, SEC1])
@pytest.mark.parametrize("password", ["", PASSWORD])
def test_a_key_in_a_standard_format_is_read(form: serialization.PrivateFormat, password: str) -> None:
    """A key in PKCS #8 or SEC 1 is read, whether or not it is encrypted with a password."""
    assert SigningKey.parse(pem(P256, form, password), password).public.fingerprint == FINGERPRINT


@pytest.mark.parametrize("label", COSIGN)
@pytest.mark.parametrize("password", ["", PASSWORD])
def test_a_key_of_cosign_is_read(label: str, password: str) -> None:
    """A key that cosign encrypted is read under both of its labels, also if its password is empty."""
    assert SigningKey.parse(armored(cosign(DER, password), label), password).public.fingerprint == FINGERPRINT


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_password_from_a_file_is_accepted(end: str) -> None:
    """A password that ends with a line break, as of a file, opens a key of cosign and one in a standard format."""
    for text in (armored(cosign(DER, PASSWORD)), pem(P256, PKCS8, PASSWORD)):
        assert SigningKey.parse(text, f"{PASSWORD}{end}").public.fingerprint == FINGERPRINT


def test_a_key_with_windows_line_ends_is_read() -> None:
    """A key of cosign is read if its lines end with CR LF and blank lines surround it."""
    text = f"\n{armored(cosign(DER, PASSWORD))}\n".replace("\n", "\r\n")
    assert SigningKey.parse(text, PASSWORD).public.fingerprint == FINGERPRINT


def test_a_generated_key_is_read_back_from_its_pem() -> None:
    """A generated key has a PEM text without a password, from which the same key is read."""
    key = SigningKey.generate()
    assert key.pem().startswith("-----BEGIN PRIVATE KEY-----\n")
    assert SigningKey.parse(key.pem()).public.text == key.public.text
    assert SigningKey.generate().public.fingerprint != key.public.fingerprint


def test_a_public_key_has_the_texts_that_other_tools_write() -> None:
    """A public key has the base64 of its DER, and the SHA-256 of it in hexadecimal and base64."""
    key = SigningKey.parse(pem(P256)).public
    assert key.text == base64.b64encode(PUBLIC_DER).decode()
    assert key.fingerprint == FINGERPRINT
    assert key.hint == base64.b64encode(hashlib.sha256(PUBLIC_DER).digest()).decode()


@pytest.mark.parametrize("password", ["", "canary-other"])
def test_a_wrong_password_of_cosign_is_an_error(password: str) -> None:
    """A key of cosign with a missing or wrong password is rejected, and the error says that the password is wrong."""
    with pytest.raises(InvalidInput, match=f"{PREFIX}the password is wrong{REMEDY}"):
        SigningKey.parse(armored(cosign(DER, PASSWORD)), password)


@pytest.mark.parametrize("form", [PKCS8, SEC1])
@pytest.mark.parametrize(("own", "given"), [(PASSWORD, ""), (PASSWORD, "canary-other"), ("", PASSWORD)])
def test_a_wrong_password_of_a_standard_key_is_an_error(
    form: serialization.PrivateFormat, own: str, given: str
) -> None:
    """A key in a standard format is rejected if its password is missing, wrong, or given although it has none."""
    error = f"{PREFIX}the file is damaged, or the password does not belong to it{REMEDY}"
    with pytest.raises(InvalidInput, match=error):
        SigningKey.parse(pem(P256, form, own), given)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not JSON",
        b"[]",
        b"{}",
        b"\xff",
        cosign(DER, PASSWORD, kdf={}),
        cosign(DER, PASSWORD, kdf={"params": {"N": 3, "r": 8, "p": 1}, "salt": ""}),
        cosign(DER, PASSWORD, kdf={"params": {"N": 2**30, "r": 8, "p": 1}, "salt": ""}),
        cosign(DER, PASSWORD, kdf={"params": {"N": "2", "r": 8, "p": 1}, "salt": ""}),
        cosign(DER, PASSWORD, kdf={"params": PARAMETERS, "salt": 1}),
        cosign(DER, PASSWORD, ciphertext=None),
        cosign(DER, PASSWORD, ciphertext="é"),
        cosign(DER, PASSWORD, cipher={}),
    ],
)
def test_a_damaged_key_of_cosign_is_an_error(content: bytes) -> None:
    """A key of cosign without its fields, or with parameters that need too much memory, is damaged."""
    with pytest.raises(InvalidInput, match=f"{PREFIX}the file is damaged{REMEDY}"):
        SigningKey.parse(armored(content), PASSWORD)


def test_a_changed_ciphertext_of_cosign_is_an_error() -> None:
    """A key of cosign whose ciphertext was changed is rejected, as one with a wrong password is."""
    with pytest.raises(InvalidInput, match=f"{PREFIX}the password is wrong{REMEDY}"):
        SigningKey.parse(armored(cosign(DER, PASSWORD, ciphertext="A" * 64)), PASSWORD)


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("", ""),
        ("canary", ""),
        (armored(b"canary", "PRIVATE KEY"), ""),
        (pem(P256)[:-60], ""),
        (PUBLIC_PEM, ""),
        (armored(cosign(b"canary", PASSWORD)), PASSWORD),
        (armored(DER, "ENCRYPTED PRIVATE KEY"), PASSWORD),
    ],
    ids=["empty", "no-pem", "no-der", "truncated", "public", "cosign-no-der", "not-encrypted"],
)
def test_a_text_without_a_private_key_is_an_error(text: str, password: str) -> None:
    """A text that is no private key, or only a part of one, is rejected."""
    error = f"{PREFIX}the file is damaged, or the password does not belong to it{REMEDY}"
    with pytest.raises(InvalidInput, match=error):
        SigningKey.parse(text, password)


@pytest.mark.parametrize("kind", OTHER_KINDS)
@pytest.mark.parametrize("password", ["", PASSWORD])
def test_a_key_of_another_kind_is_an_error(kind: str, password: str) -> None:
    """An RSA, Ed25519 or P-384 key is rejected, and the error names the kind that is expected."""
    with pytest.raises(InvalidInput, match=f"{PREFIX}expected an ECDSA key on the curve P-256{REMEDY}"):
        SigningKey.parse(pem(OTHER_KINDS[kind], password=password), password)


def test_an_encrypted_key_of_another_kind_in_cosign_s_format_is_an_error() -> None:
    """A key of another kind is rejected as well if it is encrypted as cosign does."""
    plain = serialization.NoEncryption()
    der = OTHER_KINDS["Ed25519"].private_bytes(serialization.Encoding.DER, PKCS8, plain)
    with pytest.raises(InvalidInput, match=f"{PREFIX}expected an ECDSA key on the curve P-256{REMEDY}"):
        SigningKey.parse(armored(cosign(der, PASSWORD)), PASSWORD)


@pytest.mark.parametrize(
    ("text", "password"),
    [
        (pem(P256), PASSWORD),
        (pem(P256)[:-60], PASSWORD),
        (pem(P256, PKCS8, "other"), PASSWORD),
        (pem(P256, SEC1, "other"), PASSWORD),
        (pem(OTHER_KINDS["P-384"], password=PASSWORD), PASSWORD),
        (armored(cosign(DER, "other")), PASSWORD),
        (armored(cosign(DER, PASSWORD)[:-9]), PASSWORD),
        (armored(cosign(DER[:-9], PASSWORD)), PASSWORD),
    ],
    ids=["plain", "truncated", "pkcs8", "sec1", "p-384", "cosign", "cosign-truncated", "cosign-der-truncated"],
)
def test_the_error_contains_neither_the_key_nor_the_password(text: str, password: str) -> None:
    """The traceback of a rejected key contains no line of the file, no part of the key, and not the password."""
    report = rejection(text, password)
    assert "InvalidInput: sign: invalid --signing-key: " in report
    secrets = [password, base64.b64encode(DER).decode()[:32], *(line[:24] for line in text.splitlines()[1:-1] if line)]
    assert [secret for secret in secrets if secret in report] == []


def test_a_public_key_is_read_from_pem_and_from_one_line() -> None:
    """A public key is read from its PEM text, as in cosign.pub, and from one line of base64, as in a record."""
    line = base64.b64encode(PUBLIC_DER).decode()
    for text in (PUBLIC_PEM, PUBLIC_PEM.replace("\n", "\r\n"), f"\n{PUBLIC_PEM}\n", line):
        assert PublicKey.parse(text).fingerprint == FINGERPRINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "é",
        base64.b64encode(PUBLIC_DER).decode()[:-4],
        armored(b"canary", "PUBLIC KEY"),
        pem(P256),
        base64.b64encode(DER).decode(),
    ],
    ids=["empty", "word", "not-ascii", "truncated", "no-der", "private", "private-line"],
)
def test_a_text_without_a_public_key_is_an_error(text: str) -> None:
    """A text that is no public key, such as a private key, is rejected and not repeated in the error."""
    with pytest.raises(InvalidInput, match=PUBLIC_ERROR):
        PublicKey.parse(text)


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_a_public_key_of_another_kind_is_an_error(kind: str) -> None:
    """The public key of an RSA, Ed25519 or P-384 key is rejected."""
    text = OTHER_KINDS[kind].public_key().public_bytes(serialization.Encoding.PEM, PUBLIC).decode()
    with pytest.raises(InvalidInput, match=PUBLIC_ERROR):
        PublicKey.parse(text)


def test_a_signature_is_valid_for_its_key_and_message() -> None:
    """The public key of a record confirms a message that its private key signed."""
    key = SigningKey.generate()
    assert PublicKey.parse(key.public.text).has_signed(b"message", key.sign(b"message"))


@pytest.mark.fault(49)
def test_a_signature_of_another_key_or_message_is_invalid() -> None:
    """A signature is invalid if another key made it, or if the message was changed."""
    key = SigningKey.generate()
    assert not key.public.has_signed(b"message", SigningKey.generate().sign(b"message"))
    assert not key.public.has_signed(b"another", key.sign(b"message"))


@pytest.mark.fault(49)
@pytest.mark.parametrize("signature", [b"", b"canary", b"\x30\x06\x02\x01\x00\x02\x01\x00"])
def test_bytes_that_are_no_signature_are_invalid(signature: bytes) -> None:
    """An empty signature, one that is not DER, and one of two zeros are invalid and raise no other error."""
    assert not SigningKey(P256).public.has_signed(b"message", signature)
