"""Sealed values and their index."""

import base64
import os

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from portal.crypto import SealBroken, blind_index, keyed_digest, seal, seal_bytes, unseal, unseal_bytes


def key(key_id: str) -> str:
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(max_size=20))
def test_sealed_text_opens_in_its_place(text: str, place: str) -> None:
    """REL-S7."""
    place = place.encode("utf-8", "replace").decode()
    blob = seal(text, aad=place)
    assert unseal(blob, aad=place) == text
    assert unseal(memoryview(blob), aad=place) == text


@given(st.binary(max_size=2000))
def test_sealed_bytes_open(data: bytes) -> None:
    """REL-S9."""
    assert unseal_bytes(seal_bytes(data, aad="file"), aad="file") == data


def test_equal_values_look_different() -> None:
    """REL-S7: the nonce is random, so a dump does not tell who shares a telephone."""
    assert len({seal("19900000001", aad="x") for _ in range(100)}) == 100


def test_moved_value_does_not_open() -> None:
    """RELIABILITY §4.4: bound to table, column and row."""
    with pytest.raises(SealBroken):
        unseal(seal("450302199003079919", aad="row 1"), aad="row 2")


def test_any_changed_byte_is_found() -> None:
    """RELIABILITY §4.4: header, nonce, ciphertext and tag."""
    blob = seal("450302199003079919", aad="x")
    for position in range(len(blob)):
        changed = bytearray(blob)
        changed[position] ^= 1
        with pytest.raises(SealBroken):
            unseal(bytes(changed), aad="x")


def test_any_cut_is_found() -> None:
    """RELIABILITY §4.4."""
    blob = seal("450302199003079919", aad="x")
    for length in range(len(blob)):
        with pytest.raises(SealBroken):
            unseal(blob[:length], aad="x")


def test_bytes_are_not_read_as_text() -> None:
    """RELIABILITY §4.4."""
    with pytest.raises(SealBroken):
        unseal(seal_bytes(b"\xff\xfe", aad="x"), aad="x")


def test_old_keys_read_and_the_first_writes(settings: Settings) -> None:
    """RELIABILITY §4.4: rotation needs no stop."""
    old, new = key("2025"), key("2026")
    settings.FIELD_KEYS = [old]
    before = seal("张三", aad="x")
    settings.FIELD_KEYS = [new, old]
    after = seal("张三", aad="x")
    assert unseal(before, aad="x") == unseal(after, aad="x") == "张三"
    settings.FIELD_KEYS = [new]
    assert unseal(after, aad="x") == "张三"
    with pytest.raises(SealBroken):
        unseal(before, aad="x")


@pytest.mark.parametrize(
    "keys",
    [[], ["nokey"], ["a:%%%"], ["a:" + base64.b64encode(b"short").decode()], [":" + "A" * 44], ["键:" + "A" * 44]],
)
def test_wrong_keys_are_named_at_once(settings: Settings, keys: list[str]) -> None:
    """RELIABILITY §4.4."""
    settings.FIELD_KEYS = keys
    with pytest.raises(ImproperlyConfigured):
        seal("x", aad="x")


def test_index_finds_equal_values_of_one_purpose_only(settings: Settings) -> None:
    """RELIABILITY §0.15: keyed, so that numbers cannot be tried out from a dump."""
    index = blind_index("450302199003079919", purpose="identity")
    assert index == blind_index("450302199003079919", purpose="identity")
    assert len(index) == 64
    assert index != blind_index("450302199003079918", purpose="identity")
    assert index != blind_index("450302199003079919", purpose="phone")
    settings.INDEX_KEY = base64.b64encode(b"another index key, 32 bytes long").decode()
    assert index != blind_index("450302199003079919", purpose="identity")


def test_purpose_and_value_do_not_run_together() -> None:
    """RELIABILITY §4.4."""
    assert keyed_digest(b"c", purpose="ab") != keyed_digest(b"bc", purpose="a")
