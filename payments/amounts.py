"""Amounts of money: integer fen inside, yuan in figures and in capitals outside."""

import re

MAX_YUAN_DIGITS = 16
MAX_FEN = 10 ** (MAX_YUAN_DIGITS + 2) - 1

_YUAN = re.compile(rf"(?P<yuan>[0-9]{{1,{MAX_YUAN_DIGITS}}})(?:\.(?P<fen>[0-9]{{1,2}}))?")
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("仟", "佰", "拾", "")
_GROUP_UNITS = ("元", "万", "亿", "万")


class InvalidAmount(ValueError):
    """The text or number is not an amount that a notice or a payment can carry."""


def parse_yuan(text: str) -> int:
    """Amount in fen of a yuan text of ASCII digits with at most two decimals; everything else raises `InvalidAmount`.

    Full-width digits, signs, exponents and a third decimal are refused: who reads from people normalises first, and
    nobody rounds money.
    """
    match = _YUAN.fullmatch(text)
    if match is None:
        raise InvalidAmount(text)
    return int(match["yuan"]) * 100 + int((match["fen"] or "0").ljust(2, "0"))


def rmb_capital(fen: int) -> str:
    """Amount in Chinese capitals as on cheques and notices: 整 after 元 and 角, none after 分 (会计基础工作规范 52)."""
    if not 0 <= fen <= MAX_FEN:
        raise InvalidAmount(fen)
    yuan, cents = divmod(fen, 100)
    jiao, last = divmod(cents, 10)
    words = _yuan_words(yuan)
    if not cents:
        return f"人民币{words or '零元'}整"
    if jiao:
        words += f"{_DIGITS[jiao]}角"
    elif words:
        words += "零"
    return f"人民币{words}" + (f"{_DIGITS[last]}分" if last else "整")


def _yuan_words(yuan: int) -> str:
    """Whole yuan in capitals with 元, empty for zero.

    Four digits make a group. 零 stands once for zeros between two written digits, unless the zeros end a group and the
    next group is full (壹拾万柒仟元), which the rules allow and everybody writes.
    """
    groups = []
    while yuan:
        yuan, group = divmod(yuan, 10_000)
        groups.append(group)
    words = ""
    gap = False
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        if group:
            words += "零" * (bool(words) and (gap or group < 1_000)) + _group_words(group)
            words += _GROUP_UNITS[place] if place else ""
        elif place == 2:
            words += "亿"
        gap = not group
    return f"{words}元" if words else ""


def _group_words(group: int) -> str:
    """One to four digits in capitals, 零 once for inner zeros."""
    words = ""
    gap = False
    for digit, unit in zip(f"{group:04d}", _PLACES, strict=True):
        if digit == "0":
            gap = True
            continue
        words += "零" * (gap and bool(words)) + _DIGITS[int(digit)] + unit
        gap = False
    return words
