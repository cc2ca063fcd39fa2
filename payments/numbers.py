"""Numbers of payment notices: one series per kind, with check digits against a teller's typing errors.

A notice number has 16 digits (series 1, year of issue 2, serial 11, check 2), a pay code 20 (region 6, series 1,
serial 11, check 2). The check digits are ISO 7064 MOD 97-10: every single wrong digit, every swap of two neighbours
and every doubled neighbour is found, in any place.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

SERIES = {"premium": "6", "nontax": "8"}
NUMBER_DIGITS = 16
PAY_CODE_DIGITS = 20
MAX_SERIAL = 10**11 - 1

_KIND_OF_SERIES = {series: kind for kind, series in SERIES.items()}
_SEPARATORS = re.compile(r"[\s\-‐-―·.]+")


class Fault(StrEnum):
    """What is wrong with a typed number."""

    NOT_DIGITS = "not_digits"
    LENGTH = "length"
    CHECK_DIGITS = "check_digits"
    SERIES = "series"


class InvalidNumber(ValueError):
    """The typed text cannot be a notice number or pay code; `fault` says why and `str()` explains it to the person who
    typed.
    """

    def __init__(self, fault: Fault, digits: str = "") -> None:
        self.fault = fault
        self.digits = digits
        super().__init__(fault)

    def __str__(self) -> str:
        if self.fault is Fault.NOT_DIGITS:
            return _("Type digits only: the 16 digits of the notice number or the 20 digits of the pay code.")
        if self.fault is Fault.LENGTH:
            return _("You typed %(count)d digits. A notice number has 16 digits, a pay code 20.") % {
                "count": len(self.digits)
            }
        if self.fault is Fault.CHECK_DIGITS:
            return _("The check digits do not match: a digit is mistyped, or two are swapped. Compare with the paper.")
        return _("This number belongs to no series of payment notices.")


@dataclass(frozen=True)
class TypedNumber:
    """A well-formed number as a person typed or scanned it."""

    kind: str
    digits: str
    is_pay_code: bool


def check_digits(payload: str) -> str:
    """Two check digits that make payload and check together 1 modulo 97 (ISO 7064 MOD 97-10)."""
    return f"{98 - int(payload) * 100 % 97:02d}"


def notice_number(kind: str, year: int, serial: int) -> str:
    """Notice number of a serial in the series of its kind; a serial beyond the series raises `ValueError`."""
    payload = f"{SERIES[kind]}{year % 100:02d}{_serial_digits(serial)}"
    return payload + check_digits(payload)


def pay_code(kind: str, region_code: str, serial: int) -> str:
    """Pay code for bank interfaces: the county or city of six digits, series and serial."""
    payload = f"{region_code[:6]:0>6}{SERIES[kind]}{_serial_digits(serial)}"
    return payload + check_digits(payload)


def parse_number(text: str) -> TypedNumber:
    """Notice number or pay code typed or scanned by a person: full-width digits, spaces and hyphens are forgiven,
    wrong digits raise `InvalidNumber`.
    """
    digits = text
    if not (text.isascii() and text.isdigit()):
        digits = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text[:200]))
    if not digits.isascii() or not digits.isdigit():
        raise InvalidNumber(Fault.NOT_DIGITS)
    if len(digits) not in (NUMBER_DIGITS, PAY_CODE_DIGITS):
        raise InvalidNumber(Fault.LENGTH, digits)
    if int(digits) % 97 != 1:
        raise InvalidNumber(Fault.CHECK_DIGITS, digits)
    is_pay_code = len(digits) == PAY_CODE_DIGITS
    kind = _KIND_OF_SERIES.get(digits[6] if is_pay_code else digits[0])
    if kind is None:
        raise InvalidNumber(Fault.SERIES, digits)
    return TypedNumber(kind=kind, digits=digits, is_pay_code=is_pay_code)


def grouped(number: str) -> str:
    """The number in groups of four, as people read it aloud."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def _serial_digits(serial: int) -> str:
    if not 0 < serial <= MAX_SERIAL:
        raise ValueError(serial)
    return f"{serial:011d}"
