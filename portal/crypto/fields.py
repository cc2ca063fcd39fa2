"""Seals, opens and indexes single values (RELIABILITY §4.4).

A sealed value is: version byte, length of the key id, key id, 12-byte nonce, ciphertext with tag. Version, key id and
the caller's `aad` are authenticated, so that a value moved to another row or column does not open.
"""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.crypto.keys import index_key, reading_key, writing_key

VERSION_AES_256_GCM = 1
NONCE_BYTES = 12


class SealBroken(Exception):
    """A sealed value was changed, moved, cut, or sealed with a key that is not configured."""


def seal(text: str, *, aad: str) -> bytes:
    """Seals a text for the one place named by `aad` (table, column and row)."""
    return seal_bytes(text.encode(), aad=aad)


def unseal(blob: bytes | memoryview, *, aad: str) -> str:
    """Opens a sealed text; raises SealBroken."""
    try:
        return unseal_bytes(blob, aad=aad).decode()
    except UnicodeDecodeError as error:
        raise SealBroken("not a text") from error


def seal_bytes(data: bytes, *, aad: str) -> bytes:
    """Seals bytes for the one place named by `aad`."""
    key_id, key = writing_key()
    encoded_id = key_id.encode()
    header = bytes([VERSION_AES_256_GCM, len(encoded_id)]) + encoded_id
    nonce = os.urandom(NONCE_BYTES)
    return header + nonce + AESGCM(key).encrypt(nonce, data, header + aad.encode())


def unseal_bytes(data: bytes | memoryview, *, aad: str) -> bytes:
    """Opens sealed bytes; raises SealBroken."""
    blob = bytes(data)  # PostgreSQL hands out memoryview
    if len(blob) < 2 or blob[0] != VERSION_AES_256_GCM:
        raise SealBroken("unknown version")
    header_end = 2 + blob[1]
    header, nonce, ciphertext = (
        blob[:header_end],
        blob[header_end : header_end + NONCE_BYTES],
        blob[header_end + NONCE_BYTES :],
    )
    key = reading_key(header[2:].decode("ascii", "replace"))
    if key is None:
        raise SealBroken("unknown key")
    if len(nonce) != NONCE_BYTES:
        raise SealBroken("cut short")
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, header + aad.encode())
    except InvalidTag as error:
        raise SealBroken("changed or moved") from error


def blind_index(value: str, *, purpose: str) -> str:
    """Returns 64 hex digits by which an equal value is found again; the table alone does not tell the value."""
    return keyed_digest(value.encode(), purpose=purpose)


def keyed_digest(data: bytes, *, purpose: str) -> str:
    """Returns 64 hex digits of HMAC-SHA-256; digests of different purposes cannot be compared."""
    mac = hmac.new(index_key(), digestmod=hashlib.sha256)
    mac.update(purpose.encode())
    mac.update(b"\0")
    mac.update(data)
    return mac.hexdigest()
