"""RSA signatures (PKCS #1 v1.5 with SHA-256), AES-256-GCM and strict JSON, as both channels use them."""

import base64
import binascii
import json
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate


class BadKey(ValueError):
    """A configured key is no RSA key in PEM."""


@cache
def private_key(pem: str) -> RSAPrivateKey:
    """Reads a private RSA key, once a process, for its numbers are proven prime each time; raises BadKey."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise BadKey("not a private key in PEM") from error
    if not isinstance(key, RSAPrivateKey):
        raise BadKey("not an RSA key")
    return key


def public_key(pem: str) -> RSAPublicKey:
    """Reads a public RSA key, or the one inside a certificate; raises BadKey."""
    try:
        if "CERTIFICATE" in pem:
            key: Any = load_pem_x509_certificate(pem.encode()).public_key()
        else:
            key = serialization.load_pem_public_key(pem.encode())
    except ValueError as error:
        raise BadKey("not a public key or certificate in PEM") from error
    if not isinstance(key, RSAPublicKey):
        raise BadKey("not an RSA key")
    return key


def public_pem(key: RSAPublicKey) -> str:
    """The key as the libraries want it."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """The signature of a message in Base64."""
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether the signature is this key's over exactly these bytes."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def encrypt(key: str, nonce: str, associated: str, text: bytes) -> str:
    """AES-256-GCM as WeChat Pay wraps what it sends."""
    return base64.b64encode(AESGCM(key.encode()).encrypt(nonce.encode(), text, associated.encode())).decode()


def decrypt(key: str, nonce: str, associated: str, text: str) -> bytes | None:
    """The plain text, or None when key, nonce, associated data or text do not belong together."""
    try:
        return AESGCM(key.encode()).decrypt(nonce.encode(), base64.b64decode(text, validate=True), associated.encode())
    except (InvalidTag, binascii.Error, ValueError):
        return None


def strict_json(text: bytes | str) -> dict[str, Any]:
    """A JSON object without doubled keys; raises ValueError for anything else, however deep."""
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (RecursionError, UnicodeDecodeError) as error:
        raise ValueError("unreadable") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("doubled key")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)
