"""Identity numbers by table, by property, and beside the libraries where they agree."""

import datetime
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from id_validator import validator as id_validator
from stdnum.cn import ric

from portal.people import identity
from portal.people.identity import (
    MAINLAND_PROVINCES,
    Doubt,
    IdentityKind,
    InvalidIdentityNumber,
    Reason,
    age_on,
    check_character,
    parse_identity_number,
)
from tests.people_cast import identity_number

TODAY = datetime.date(2026, 11, 21)
VECTORS = json.loads((Path(__file__).parent / "vectors" / "id_numbers.json").read_text(encoding="utf-8"))["vectors"]

births = st.dates(datetime.date(1902, 1, 1), TODAY)
areas = st.builds(
    "{}{:04d}".format, st.sampled_from(sorted(MAINLAND_PROVINCES)), st.integers(min_value=0, max_value=9999)
)
numbers = st.builds(
    lambda area, born, sex, serial: identity_number(area, born, sex, serial=serial),
    areas,
    births,
    st.sampled_from("MF"),
    st.integers(min_value=0, max_value=4),
)


def refusal(text: str, kind: str | None = None) -> Reason:
    with pytest.raises(InvalidIdentityNumber) as refused:
        parse_identity_number(text, kind, TODAY)
    return refused.value.reason


@pytest.mark.parametrize("row", VECTORS, ids=lambda row: f"vector-{row['id']}")
@pytest.mark.parametrize("is_kind_given", [True, False])
def test_vectors_are_decided_as_written(row: dict[str, Any], is_kind_given: bool) -> None:
    """A2, REL-F3."""
    kind = row["type"] if is_kind_given else None
    if not row["valid"]:
        assert refusal(row["input"], kind) == row["reason"]
        return
    number = parse_identity_number(row["input"], kind, TODAY)
    assert number.kind == row["type"]
    told = {
        "normalized": number.normalized,
        "birth_date": str(number.birth_date),
        "sex": number.sex,
        "region_code": number.region_code,
    }
    assert {name: told[name] for name in told if name in row} == {name: row[name] for name in told if name in row}
    assert (Doubt.REGION_CODE_UNKNOWN in number.warnings) == ("region_code_unknown" in row.get("warning", ""))


@given(numbers)
def test_right_numbers_tell_birth_date_and_sex(text: str) -> None:
    """A2: any province, any county code, any day up to today."""
    number = parse_identity_number(text, on=TODAY)
    assert number.kind == IdentityKind.RESIDENT_ID
    assert number.birth_date == datetime.datetime.strptime(text[6:14], "%Y%m%d").date()
    assert number.sex == ("M" if int(text[16]) % 2 else "F")
    assert number.region_code == text[:6]


@given(numbers, st.integers(min_value=0, max_value=17), st.sampled_from("0123456789X"))
def test_any_single_wrong_character_is_caught(text: str, position: int, character: str) -> None:
    """REL-F3: MOD 11-2 catches every change of one character."""
    changed = text[:position] + character + text[position + 1 :]
    if changed == text:
        return
    with pytest.raises(InvalidIdentityNumber):
        parse_identity_number(changed, IdentityKind.RESIDENT_ID, TODAY)


@given(numbers, st.integers(min_value=0, max_value=16))
def test_any_swap_of_neighbours_is_caught(text: str, position: int) -> None:
    """REL-F3: and every swap of two different neighbours."""
    swapped = text[:position] + text[position + 1] + text[position] + text[position + 2 :]
    if swapped == text:
        return
    with pytest.raises(InvalidIdentityNumber):
        parse_identity_number(swapped, IdentityKind.RESIDENT_ID, TODAY)


@given(st.text(max_size=80), st.sampled_from([None, *IdentityKind]))
def test_any_text_is_accepted_or_refused_with_a_reason(text: str, kind: str | None) -> None:
    """REL-F1: nothing else may come out."""
    try:
        number = parse_identity_number(text, kind, TODAY)
    except InvalidIdentityNumber:
        return
    assert number.normalized.isascii()
    assert parse_identity_number(number.normalized, number.kind, TODAY) == number


@pytest.mark.parametrize(
    "typed",
    [
        "４５０３０２１９９００３０７９９１９",
        "450302-19900307-9919",
        "450302–19900307—9919",
        "\u3000450302 1990 0307 9919\u00a0",
    ],
)
def test_spellings_of_one_number_are_one(typed: str) -> None:
    """UX-R8."""
    assert parse_identity_number(typed, on=TODAY).normalized == "450302199003079919"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("   ", Reason.EMPTY),
        ("٤٥٠٣٠٢١٩٩٠٠٣٠٧٩٩١٩", Reason.FORMAT),  # Arabic-Indic digits: `\d` would take them
        ("4503O2199003079919", Reason.FORMAT),
        ("X50302199003079919", Reason.FORMAT),
        ("450302199003079919\x00", Reason.FORMAT),
        ("4503021990030799199", Reason.LENGTH),
        ("4" * 10_000, Reason.LENGTH),
        ("000102199003079919", Reason.REGION_UNKNOWN),
        ("660102199003079919", Reason.REGION_UNKNOWN),
        (identity_number("450302", "20261122"), Reason.BIRTH_IN_FUTURE),
        (identity_number("450302", "19001120"), Reason.TOO_OLD),
        (identity_number("450302", "18500101"), Reason.TOO_OLD),
        (identity_number("450302", "19000229"), Reason.BIRTH_DATE),
        (identity_number("450302", "00000101"), Reason.BIRTH_DATE),
        (identity_number("450302", "19900431"), Reason.BIRTH_DATE),
        ("15030219900307", Reason.LENGTH),
        ("450302900307991", Reason.LEGACY_15_DIGITS),
        ("45030²199003079919", Reason.FORMAT),  # compatibility forms are no full-width forms
        ("450302199003070009", Reason.SEQUENCE_000),
    ],
)
def test_wrong_numbers_are_refused_with_the_reason(typed: str, reason: Reason) -> None:
    """A2, REL-F3."""
    assert refusal(typed, IdentityKind.RESIDENT_ID) == reason


def test_today_and_the_125th_year_are_the_last_accepted_days() -> None:
    """A2: edges to the day."""
    assert parse_identity_number(identity_number("450302", "20261121"), on=TODAY).birth_date == TODAY
    eldest = parse_identity_number(identity_number("450302", "19001122"), on=TODAY)
    assert eldest.birth_date is not None
    assert age_on(eldest.birth_date, TODAY) == 125


def test_the_day_is_judged_in_shanghai() -> None:
    """A2: a child born today is on file at 00:30 in Shanghai, when it is still yesterday in London."""
    with time_machine.travel(datetime.datetime(2026, 11, 20, 16, 30, tzinfo=datetime.UTC), tick=False):
        assert parse_identity_number(identity_number("450302", "20261121")).birth_date == TODAY
        with pytest.raises(InvalidIdentityNumber):
            parse_identity_number(identity_number("450302", "20261122"))


@pytest.mark.parametrize(
    ("typed", "kind", "normalized"),
    [
        ("911124198108030024", IdentityKind.FOREIGN_PR_ID, "911124198108030024"),
        ("can 1100 5801 0101", IdentityKind.FOREIGN_PR_ID, "CAN110058010101"),
        (identity_number("830000", "19880101", "F"), IdentityKind.HMT_RESIDENCE_PERMIT, None),
        ("m1234567801", IdentityKind.HK_MO_TRAVEL_PERMIT, "M12345678"),
        ("12345678", IdentityKind.TW_TRAVEL_PERMIT, "12345678"),
        ("1234567801(B)", IdentityKind.TW_TRAVEL_PERMIT, "12345678"),
        ("（1234567801）", IdentityKind.RESIDENT_ID, None),
    ],
)
def test_shape_tells_the_kind(typed: str, kind: IdentityKind, normalized: str | None) -> None:
    """A2: kinds of DOMAIN §2; what has no known shape is judged as a resident's number."""
    if kind == IdentityKind.RESIDENT_ID:
        assert refusal(typed) == Reason.FORMAT
        return
    number = parse_identity_number(typed, on=TODAY)
    assert number.kind == kind
    assert number.normalized == (normalized or typed)


def test_passports_are_read_only_when_named() -> None:
    """A2: a passport has no shape of its own."""
    assert refusal("E12345678") == Reason.FORMAT
    assert parse_identity_number("e 1234-5678", IdentityKind.PASSPORT, TODAY).normalized == "E12345678"
    assert refusal("E123", IdentityKind.PASSPORT) == Reason.LENGTH
    assert refusal("E12#45678", IdentityKind.PASSPORT) == Reason.FORMAT
    assert refusal("450302199003079919", "DRIVING_LICENCE") == Reason.KIND
    assert refusal("450302199003079919", IdentityKind.FOREIGN_PR_ID) == Reason.KIND


@given(numbers)
def test_libraries_agree_on_the_check_character(text: str) -> None:
    """A2: both libraries compute the same check where they read the number at all (DOMAIN §2)."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=False))
    assert text[17] == "10X98765432"[total % 11]
    assert ric.calc_check_digit(text) == text[17] == check_character(text[:17])


@pytest.mark.parametrize("area", ["450302", "360426", "110105"])
def test_libraries_agree_on_current_numbers(area: str) -> None:
    """A2: areas that existed at birth, dates in the past: all three say yes, and no after a change."""
    text = identity_number(area, "20100307", "F", serial=2)
    wrong = text[:16] + ("1" if text[16] != "1" else "3") + text[17]
    assert ric.is_valid(text)
    assert id_validator.is_valid(text)
    assert parse_identity_number(text, on=TODAY)
    assert not ric.is_valid(wrong)
    assert not id_validator.is_valid(wrong)
    assert refusal(wrong) == Reason.CHECKSUM


def test_codes_given_up_long_ago_are_known() -> None:
    """A2: Lipu was a county until 2018; holders keep its code."""
    assert not parse_identity_number(identity_number("450331", "19700101"), on=TODAY).warnings


def test_without_the_area_table_no_code_is_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A2: the table only ever warns, so its absence may not."""
    monkeypatch.setattr(identity, "_area_codes", frozenset)
    assert not parse_identity_number(identity_number("450399", "19900101"), on=TODAY).warnings


def test_a_number_shows_itself_masked() -> None:
    """REL-S10: neither in a log line nor in a traceback."""
    number = parse_identity_number("450302199003079919", on=TODAY)
    assert "199003" not in f"{number} {number!r}"


def test_full_width_letters_are_one_with_plain_ones() -> None:
    """REL-F3: NFKC before the strict shape."""
    text = unicodedata.normalize("NFKC", "45030419780815991Ｘ")
    assert parse_identity_number("45030419780815991Ｘ", on=TODAY).normalized == text


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
