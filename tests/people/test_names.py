"""Names and telephones as people write them, and what others see of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.people.names import (
    InvalidName,
    InvalidPhone,
    comparable_name,
    mask_identity_number,
    mask_name,
    mask_phone,
    parse_name,
    parse_phone,
)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("张三", "张三"),
        (" 张　三 ", "张三"),
        ("㛃", "㛃"),
        ("韦𠮷", "韦𠮷"),
        ("〇", "〇"),
        ("阿卜杜热合曼·买买提", "阿卜杜热合曼·买买提"),
        *((f"马丽亚木{dot}艾合买提江", "马丽亚木·艾合买提江") for dot in "•‧・∙．."),
        ("热依汗古丽·" + "阿" * 44, "热依汗古丽·" + "阿" * 44),
        ("\u200b李四\ufeff", "李四"),
        ("John  O'Neil-Smith Jr.", "John O'Neil-Smith Jr."),
        ("ＪＯＳＥ", "JOSE"),
        ("José María", "José María"),
        ("J. R. R. Tolkien", "J. R. R. Tolkien"),
        ("Müller, Hans", "Müller, Hans"),
    ],
)
def test_names_are_taken_as_written(typed: str, stored: str) -> None:
    """REL-F4, DOMAIN §12: 1 to 50 characters, counted as characters and not as code units; one separator, U+00B7."""
    assert parse_name(typed) == stored


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "empty"),
        (" \u3000\u200b", "empty"),
        ("·张", "separator"),
        ("张·", "separator"),
        ("阿卜杜··买买提", "separator"),
        ("阿卜杜.·买买提", "separator"),
        ("阿" * 51, "length"),
        ("a" * 51, "length"),
        ("张3", "characters"),
        ("张\x00三", "characters"),
        ("<b>张</b>", "characters"),
        ("张Smith", "characters"),
        ("😀", "characters"),
        ("=cmd()", "characters"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(typed: str, reason: str) -> None:
    """REL-F4."""
    with pytest.raises(InvalidName) as refused:
        parse_name(typed)
    assert refused.value.reason == reason


@given(st.text(max_size=120))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    """REL-F1: and a name that was read once reads the same again."""
    try:
        name = parse_name(text)
    except InvalidName:
        return
    assert 1 <= len(name) <= 50
    assert parse_name(name) == name


def test_spellings_of_one_name_compare_equal() -> None:
    """D1: case, spaces and composed accents do not keep anybody out."""
    assert comparable_name("JOSÉ MARÍA") == comparable_name("José María")
    assert comparable_name("张三") != comparable_name("张叁")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("19900000001", "19900000001"),
        ("199 0000 0001", "19900000001"),
        ("+86 199-0000-0001", "19900000001"),
        ("0086 19900000001", "19900000001"),
        ("８６１９９０００００００１", "19900000001"),
        ("+852 6123 4567", "+85261234567"),
        ("00853 61234567", "+85361234567"),
        ("+886 912 345 678", "+886912345678"),
    ],
)
def test_phones_are_taken_as_written(typed: str, stored: str) -> None:
    """REL-F4."""
    assert parse_phone(typed) == stored


@pytest.mark.parametrize(
    "typed", ["", "110", "12900000001", "1990000000", "199000000011", "+1 202 555 0101", "２２", "\x00"]
)
def test_other_phones_are_refused(typed: str) -> None:
    """REL-F4."""
    with pytest.raises(InvalidPhone):
        parse_phone(typed)


@given(st.text(max_size=60))
def test_any_text_is_a_phone_or_refused(text: str) -> None:
    """REL-F1."""
    try:
        phone = parse_phone(text)
    except InvalidPhone:
        return
    assert parse_phone(phone) == phone
    assert phone.lstrip("+").isascii()


def test_masks() -> None:
    """ARCHITECTURE §8, UX-R15: first character of a name; 6 + 4 for staff, 1 + 1 elsewhere; four hidden of a phone."""
    assert mask_name("张三") == mask_name("张三丰") == "张*"
    assert mask_name("阿卜杜热合曼·买买提") == "阿**·***"
    assert mask_name("𠮷野") == "𠮷*"
    assert mask_identity_number("450302199003079919") == "4****************9"
    assert mask_identity_number("450302199003079919", for_staff=True) == "450302********9919"
    assert mask_identity_number("H12345678", for_staff=True) == "H*******8"
    assert mask_phone("19900000001") == "199****0001"
    assert mask_phone("+85261234567") == "+852****4567"
    assert mask_name("") == mask_phone("") == mask_identity_number("") == ""
