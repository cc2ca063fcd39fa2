"""Reads the keys of sealed fields from the settings; the first key writes, every key reads."""

import base64
import binascii
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
LONGEST_KEY_ID = 255


def writing_key() -> tuple[str, bytes]:
    """Returns id and bytes of the key that seals new values."""
    keys = _parse(tuple(settings.FIELD_KEYS))
    return next(iter(keys.items()))


def reading_key(key_id: str) -> bytes | None:
    """Returns the key a stored value names, or None when it is not configured any more."""
    return _parse(tuple(settings.FIELD_KEYS)).get(key_id)


def index_key() -> bytes:
    """Returns the key of the look-up index, which is never one of the sealing keys."""
    return _decode("INDEX_KEY", settings.INDEX_KEY)


@lru_cache(maxsize=8)
def _parse(entries: tuple[str, ...]) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for entry in entries:
        key_id, separator, encoded = entry.partition(":")
        if not separator or not key_id.isascii() or not 0 < len(key_id) <= LONGEST_KEY_ID:
            raise ImproperlyConfigured("FIELD_KEYS holds entries of the form id:base64")
        key = _decode("FIELD_KEYS", encoded)
        if len(key) != KEY_BYTES:
            raise ImproperlyConfigured(f"FIELD_KEYS: key {key_id} is not {KEY_BYTES} bytes long")
        keys[key_id] = key
    if not keys:
        raise ImproperlyConfigured("FIELD_KEYS is empty")
    return keys


@lru_cache(maxsize=8)
def _decode(setting: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured(f"{setting} is not base64") from error
