"""Amounts in figures and in capitals."""

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.amounts import MAX_FEN, InvalidAmount, parse_yuan, rmb_capital

# Published examples of the central bank (支付结算办法, annex 1) and amounts at each joint of the rule.
CAPITALS = [
    ("1409.50", "人民币壹仟肆佰零玖元伍角整"),
    ("1680.32", "人民币壹仟陆佰捌拾元叁角贰分"),
    ("16409.02", "人民币壹万陆仟肆佰零玖元零贰分"),
    ("107000.53", "人民币壹拾万柒仟元伍角叁分"),
    ("0.00", "人民币零元整"),
    ("0.10", "人民币壹角整"),
    ("0.02", "人民币贰分"),
    ("0.12", "人民币壹角贰分"),
    ("1.00", "人民币壹元整"),
    ("20.00", "人民币贰拾元整"),
    ("20.50", "人民币贰拾元伍角整"),
    ("400.00", "人民币肆佰元整"),
    ("1010.00", "人民币壹仟零壹拾元整"),
    ("1100.10", "人民币壹仟壹佰元壹角整"),
    ("10001.00", "人民币壹万零壹元整"),
    ("100001.00", "人民币壹拾万零壹元整"),
    ("1000054.43", "人民币壹佰万零伍拾肆元肆角叁分"),
    ("10000000.00", "人民币壹仟万元整"),
    ("101000000.01", "人民币壹亿零壹佰万元零壹分"),
    ("500003000.40", "人民币伍亿零叁仟元肆角整"),
    ("1000000000000.00", "人民币壹万亿元整"),
    ("1000100000000.00", "人民币壹万零壹亿元整"),
    ("1000000000001.00", "人民币壹万亿零壹元整"),
    ("100000050000000.00", "人民币壹佰万亿零伍仟万元整"),
    (
        "9999999999999999.99",
        "人民币玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分",
    ),
]

NOT_AMOUNTS = [
    "", " ", "abc", "-1.00", "+1", "1.005", "1e3", "１２", "²", "1,000", "12.", ".5", "1.2.3", "0x10", "NaN", "inf",
    "1\n", "١٢", "10000000000000000.00", "1\x00", "¥1", "1_000",
]  # fmt: skip

DIGITS = {digit: value for value, digit in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def read_capitals(text: str) -> int:
    """Amount in fen read back from capitals, by a reader that shares no code with the writer."""
    text = text.removeprefix("人民币").removesuffix("整")
    fen = 0
    for unit, worth in (("分", 1), ("角", 10)):
        if text.endswith(unit):
            fen += DIGITS[text[-2]] * worth
            text = text[:-2]
    total = section = digit = 0
    for sign in text.removesuffix("零").removesuffix("元"):
        if sign in DIGITS:
            digit = DIGITS[sign]
        elif sign in UNITS:
            section += digit * UNITS[sign]
            digit = 0
        elif sign == "万":
            total += (section + digit) * 10_000
            section = digit = 0
        else:
            total = (total + section + digit) * 10**8
            section = digit = 0
    return (total + section + digit) * 100 + fen


@pytest.mark.parametrize(("figures", "capitals"), CAPITALS)
def test_notice_states_the_amount_in_capitals(figures, capitals):
    """E1: the published examples and each joint of the rule (DOMAIN §7)."""
    assert rmb_capital(parse_yuan(figures)) == capitals


@pytest.mark.parametrize("text", NOT_AMOUNTS)
def test_text_that_is_no_amount_is_refused(text):
    """REL-B1: signs, exponents, third decimals, other digits and 17 digits are refused, never rounded."""
    with pytest.raises(InvalidAmount):
        parse_yuan(text)


@pytest.mark.parametrize("fen", [-1, MAX_FEN + 1])
def test_capitals_refuse_amounts_outside_the_range(fen):
    """REL-B1: nothing below zero and nothing beyond 16 digits of yuan."""
    with pytest.raises(InvalidAmount):
        rmb_capital(fen)


@given(st.integers(min_value=0, max_value=MAX_FEN))
def test_figures_and_capitals_say_the_same(fen):
    """E1: capitals read back, and figures parsed back, give the amount of the notice."""
    assert read_capitals(rmb_capital(fen)) == fen
    assert parse_yuan(f"{fen // 100}.{fen % 100:02d}") == fen


@given(st.integers(min_value=0, max_value=10**10 - 1))
def test_capitals_agree_with_an_independent_converter(fen):
    """E1: below one hundred million yuan only the 整 after 角 differs from cn2an (DOMAIN §7)."""
    expected = "人民币" + cn2an.an2cn(f"{fen // 100}.{fen % 100:02d}", "rmb")
    assert rmb_capital(fen) == expected + ("整" if expected.endswith("角") else "")


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_refused(text):
    """REL-F1: parsing any text gives an amount in range or the one error."""
    try:
        fen = parse_yuan(text)
    except InvalidAmount:
        return
    assert 0 <= fen <= MAX_FEN
