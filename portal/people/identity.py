"""Reads identity numbers: kinds, check digits, birth dates, provinces (DOMAIN §2; A2, REL-F3).

Pure rules over text. What is only doubtful is a warning, never a refusal: numbers were first issued from 1984 on with
the area code of the issuing day, so an area code may be younger than its holder, and codes come and go.
"""

import datetime
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from importlib import resources

from django.utils.timezone import localdate
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_2

OLDEST_AGE_YEARS = 125
LONGEST_INPUT = 64


class IdentityKind(StrEnum):
    RESIDENT_ID = "RESIDENT_ID"
    HMT_RESIDENCE_PERMIT = "HMT_RESIDENCE_PERMIT"
    FOREIGN_PR_ID = "FOREIGN_PR_ID"
    HK_MO_TRAVEL_PERMIT = "HK_MO_TRAVEL_PERMIT"
    TW_TRAVEL_PERMIT = "TW_TRAVEL_PERMIT"
    PASSPORT = "PASSPORT"


class Reason(StrEnum):
    """Why a number is refused; the words for people are in `portal.people.texts`."""

    EMPTY = "empty"
    FORMAT = "format"
    LENGTH = "length"
    LEGACY_15_DIGITS = "legacy_15_digits"
    REGION_UNKNOWN = "region_unknown"
    BIRTH_DATE = "birth_date"
    BIRTH_IN_FUTURE = "birth_in_future"
    TOO_OLD = "too_old"
    SEQUENCE_000 = "sequence_000"
    CHECKSUM = "checksum"
    KIND = "kind"


class Doubt(StrEnum):
    """What is accepted but worth a look by a clerk."""

    REGION_CODE_UNKNOWN = "region_code_unknown"


@dataclass(frozen=True)
class IdentityNumber:
    """A number that may exist. Birth date and sex are for filling in forms; the document itself wins."""

    kind: IdentityKind
    number: str = field(repr=False)
    birth_date: datetime.date | None = field(default=None, repr=False)
    sex: str = ""
    region_code: str = ""
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.number[:1]}…{self.number[-1:]}"

    @property
    def normalized(self) -> str:
        """The number in its one spelling."""
        return self.number


class InvalidIdentityNumber(ValueError):
    """No such number can exist; `reason` is a `Reason`."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


MAINLAND_PROVINCES = frozenset(
    f"{code}"
    for codes in (range(11, 16), range(21, 24), range(31, 38), range(41, 47), range(50, 55), range(61, 66))
    for code in codes
)
TAIWAN_PROVINCE = "71"
HMT_AREAS = frozenset({"810000", "820000", "830000"})

_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015\u2212]")
# Only what a Chinese keyboard types in full width: compatibility folding would make digits of ² and ①.
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_EIGHTEEN = re.compile(r"[0-9]{17}[0-9X]")
_FOREIGN_2017 = re.compile(r"[A-Z]{3}[0-9]{12}")
_HK_MO = re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?")
_TAIWAN = re.compile(r"[0-9]{8}|[0-9]{10}(?:\([0-9A-Z]\))?")
_PASSPORT = re.compile(r"[0-9A-Z]{5,17}")


def parse_identity_number(
    text: str, kind: IdentityKind | str | None = None, on: datetime.date | None = None
) -> IdentityNumber:
    """Reads a number as people type it: spaces, hyphens, full-width digits and a small x are fine.

    Without `kind` the shape decides; passports have no shape of their own and must be named. `on` is the day of judging
    (today in Shanghai). Raises InvalidIdentityNumber.
    """
    if len(text) > LONGEST_INPUT:
        raise InvalidIdentityNumber(Reason.LENGTH)
    number = normalize(text)
    if not number:
        raise InvalidIdentityNumber(Reason.EMPTY)
    try:
        wanted = IdentityKind(kind) if kind else _kind_by_shape(number)
    except ValueError as error:
        raise InvalidIdentityNumber(Reason.KIND) from error
    return _PARSERS[wanted](number, on or localdate())


def normalize(text: str) -> str:
    """Returns the one spelling under which a number is compared, indexed and stored."""
    return _SEPARATORS.sub("", text.translate(_FULL_WIDTH)).upper()


def check_character(first_seventeen: str) -> str:
    """Returns the last character of an 18-character number (ISO 7064 MOD 11-2)."""
    return mod_11_2.calc_check_digit(first_seventeen)


def _kind_by_shape(number: str) -> IdentityKind:
    if number[0] in "HM" and number[1:2].isdigit():
        return IdentityKind.HK_MO_TRAVEL_PERMIT
    if _FOREIGN_2017.fullmatch(number):
        return IdentityKind.FOREIGN_PR_ID
    if _TAIWAN.fullmatch(number):
        return IdentityKind.TW_TRAVEL_PERMIT
    if len(number) == 18 and number[0] == "9":
        return IdentityKind.FOREIGN_PR_ID
    if len(number) == 18 and number[0] == "8":
        return IdentityKind.HMT_RESIDENCE_PERMIT
    return IdentityKind.RESIDENT_ID


def _resident_id(number: str, on: datetime.date) -> IdentityNumber:
    if re.fullmatch(r"[0-9]{15}", number):
        raise InvalidIdentityNumber(Reason.LEGACY_15_DIGITS)
    _require_eighteen(number)
    area = number[:6]
    if area[:2] not in MAINLAND_PROVINCES and area[:2] != TAIWAN_PROVINCE:
        raise InvalidIdentityNumber(Reason.REGION_UNKNOWN)
    warnings = () if _area_ever_existed(area) else (Doubt.REGION_CODE_UNKNOWN,)
    return _dated(IdentityKind.RESIDENT_ID, number, area, on, warnings)


def _hmt_residence_permit(number: str, on: datetime.date) -> IdentityNumber:
    _require_eighteen(number)
    if number[:6] not in HMT_AREAS:
        raise InvalidIdentityNumber(Reason.REGION_UNKNOWN)
    return _dated(IdentityKind.HMT_RESIDENCE_PERMIT, number, number[:6], on)


def _foreign_permanent_resident_id(number: str, on: datetime.date) -> IdentityNumber:
    if _FOREIGN_2017.fullmatch(number):
        # The 2017 card has a check digit of its own whose rule is not published.
        return IdentityNumber(IdentityKind.FOREIGN_PR_ID, number)
    _require_eighteen(number)
    if number[0] != "9":
        raise InvalidIdentityNumber(Reason.KIND)
    province = number[1:3]
    if province not in MAINLAND_PROVINCES:
        raise InvalidIdentityNumber(Reason.REGION_UNKNOWN)
    return _dated(IdentityKind.FOREIGN_PR_ID, number, province, on)


def _hk_mo_travel_permit(number: str, on: datetime.date) -> IdentityNumber:
    if not _HK_MO.fullmatch(number):
        digits_only = re.fullmatch(r"[HM][0-9]*", number)
        raise InvalidIdentityNumber(Reason.LENGTH if digits_only else Reason.FORMAT)
    # Letter and eight digits stay with the person for life; two more count the renewals of older cards.
    return IdentityNumber(IdentityKind.HK_MO_TRAVEL_PERMIT, number[:9])


def _tw_travel_permit(number: str, on: datetime.date) -> IdentityNumber:
    if not _TAIWAN.fullmatch(number):
        raise InvalidIdentityNumber(Reason.LENGTH if re.fullmatch(r"[0-9]+", number) else Reason.FORMAT)
    # Eight digits are lifelong; older permits add two digits for the renewals and a bracketed place of issue.
    return IdentityNumber(IdentityKind.TW_TRAVEL_PERMIT, number[:8])


def _passport(number: str, on: datetime.date) -> IdentityNumber:
    if not re.fullmatch(r"[0-9A-Z]+", number):
        raise InvalidIdentityNumber(Reason.FORMAT)
    if not _PASSPORT.fullmatch(number):
        raise InvalidIdentityNumber(Reason.LENGTH)
    return IdentityNumber(IdentityKind.PASSPORT, number)


_PARSERS = {
    IdentityKind.RESIDENT_ID: _resident_id,
    IdentityKind.HMT_RESIDENCE_PERMIT: _hmt_residence_permit,
    IdentityKind.FOREIGN_PR_ID: _foreign_permanent_resident_id,
    IdentityKind.HK_MO_TRAVEL_PERMIT: _hk_mo_travel_permit,
    IdentityKind.TW_TRAVEL_PERMIT: _tw_travel_permit,
    IdentityKind.PASSPORT: _passport,
}


def _require_eighteen(number: str) -> None:
    if _EIGHTEEN.fullmatch(number):
        return
    # An X may stand at the end of a number that is too short or too long: then the length is what is wrong.
    if len(number) != 18 and re.fullmatch(r"[0-9]+X?", number):
        raise InvalidIdentityNumber(Reason.LENGTH)
    raise InvalidIdentityNumber(Reason.FORMAT)


def _dated(
    kind: IdentityKind, number: str, region_code: str, on: datetime.date, warnings: tuple[str, ...] = ()
) -> IdentityNumber:
    try:
        birth_date = datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise InvalidIdentityNumber(Reason.BIRTH_DATE) from error
    try:
        mod_11_2.validate(number)
    except ValidationError as error:
        raise InvalidIdentityNumber(Reason.CHECKSUM) from error
    if birth_date > on:
        raise InvalidIdentityNumber(Reason.BIRTH_IN_FUTURE)
    if age_on(birth_date, on) > OLDEST_AGE_YEARS:
        raise InvalidIdentityNumber(Reason.TOO_OLD)
    if number[14:17] == "000":
        raise InvalidIdentityNumber(Reason.SEQUENCE_000)
    sex = "M" if int(number[16]) % 2 else "F"
    return IdentityNumber(kind, number, birth_date, sex, region_code, warnings)


def age_on(birth_date: datetime.date, on: datetime.date) -> int:
    """Returns completed years; somebody born on 29 February completes one on 1 March of a common year."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))


def birthday(birth_date: datetime.date, age: int) -> datetime.date:
    """Returns the day on which an age is completed, by the rule of `age_on`."""
    try:
        return birth_date.replace(year=birth_date.year + age)
    except ValueError:
        return datetime.date(birth_date.year + age, 3, 1)


def _area_ever_existed(area: str) -> bool:
    known = _area_codes()
    return not known or area in known


@lru_cache(maxsize=1)
def _area_codes() -> frozenset[str]:
    """Returns every area code of python-stdnum's table, whatever its years; empty if the package ships none."""
    try:
        table = resources.files("stdnum.cn").joinpath("loc.dat").read_text(encoding="utf-8")
    except (ModuleNotFoundError, OSError):
        return frozenset()
    codes: set[str] = set()
    province = ""
    for line in table.splitlines():
        if head := re.match(r"([0-9]{2}) ", line):
            province = head[1]
        elif county := re.match(r" +([0-9]{4}) ", line):
            codes.add(province + county[1])
    return frozenset(codes)
