"""Notice numbers and pay codes against typing errors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_97_10

from payments import numbers
from payments.numbers import Fault, InvalidNumber, parse_number

kinds = st.sampled_from(sorted(numbers.SERIES))
serials = st.integers(min_value=1, max_value=numbers.MAX_SERIAL)
regions = st.sampled_from(["450302", "442000", "360102"])


@st.composite
def printed_numbers(draw) -> str:
    """A notice number or a pay code as printed."""
    if draw(st.booleans()):
        return numbers.notice_number(draw(kinds), draw(st.integers(2024, 2099)), draw(serials))
    return numbers.pay_code(draw(kinds), draw(regions), draw(serials))


def mistyped(number: str) -> set[str]:
    """The number with every single wrong digit, every neighbouring swap and every second-neighbour swap."""
    wrong = set()
    for place, digit in enumerate(number):
        wrong |= {number[:place] + other + number[place + 1 :] for other in "0123456789" if other != digit}
        for distance in (1, 2):
            if place + distance < len(number):
                signs = list(number)
                signs[place], signs[place + distance] = signs[place + distance], signs[place]
                wrong.add("".join(signs))
    return wrong - {number}


@given(printed_numbers())
def test_teller_who_mistypes_a_digit_or_swaps_two_is_stopped(number):
    """N7, E2: all single-digit and adjacent-swap errors are found, in every place of every number."""
    parse_number(number)
    for wrong in mistyped(number):
        with pytest.raises(InvalidNumber):
            parse_number(wrong)


@given(printed_numbers())
def test_check_digits_follow_the_standard(number):
    """N7: our check digits are those of ISO 7064 MOD 97-10."""
    assert mod_97_10.is_valid(number)


@given(kinds, regions, serials)
def test_number_tells_its_series(kind, region, serial):
    """E2: premium and non-tax numbers are distinct series and say which."""
    assert parse_number(numbers.notice_number(kind, 2026, serial)).kind == kind
    assert parse_number(numbers.pay_code(kind, region, serial)) == numbers.TypedNumber(
        kind=kind, digits=numbers.pay_code(kind, region, serial), is_pay_code=True
    )


def test_number_is_read_as_people_type_it():
    """N7: groups of four, hyphens and full-width digits are the same number."""
    number = numbers.notice_number("premium", 2026, 12345)
    grouped = numbers.grouped(number)
    assert [len(group) for group in grouped.split()] == [4, 4, 4, 4]
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in number)
    for typed in (number, grouped, grouped.replace(" ", "-"), f"  {number}\n", wide):
        assert parse_number(typed).digits == number


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.NOT_DIGITS),
        ("63A6", Fault.NOT_DIGITS),
        ("²" * 16, Fault.CHECK_DIGITS),
        ("٣" * 16, Fault.NOT_DIGITS),
        ("6" * 15, Fault.LENGTH),
        ("6" * 17, Fault.LENGTH),
        ("6" * 16, Fault.CHECK_DIGITS),
        ("9" + "0" * 13 + numbers.check_digits("9" + "0" * 13), Fault.SERIES),
    ],
)
def test_refused_number_says_why(text, fault):
    """N7: the teller reads what to do, by fault."""
    with pytest.raises(InvalidNumber) as refusal:
        parse_number(text)
    assert refusal.value.fault is fault
    assert len(str(refusal.value)) > 10


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_refused(text):
    """REL-F1: reading any text gives a number or the one error."""
    try:
        digits = parse_number(text).digits
    except InvalidNumber:
        return
    assert len(digits) in (numbers.NUMBER_DIGITS, numbers.PAY_CODE_DIGITS)
