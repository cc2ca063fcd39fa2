"""The photo rule: whose picture is on file, who must give a photo receipt, and what a receipt must be (N14).

Plain functions over plain data. A photo on file means that no receipt is needed, also for a person from elsewhere;
without one the receipt is compulsory for everybody, whatever the register or the identity card.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from unicodedata import normalize


class PhotoSource(StrEnum):
    """Where the picture of a card comes from."""

    ON_FILE = "on_file"
    RECEIPT = "receipt"
    UPLOAD = "upload"


class ReceiptProblem(StrEnum):
    """Why a receipt cannot be used."""

    MISSING = "missing"
    FORMAT = "format"
    UNKNOWN = "unknown"
    OTHER_PERSON = "other_person"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True)
class Person:
    """What the photo rule looks at."""

    photo_on_file: bool
    local: bool
    has_id_card: bool


@dataclass(frozen=True)
class Receipt:
    """A receipt of the photo library, as far as the rule needs it; days include both ends."""

    owner_index: str
    taken_on: date
    used: bool


def needs_receipt(person: Person) -> bool:
    """Whether the number of a photo receipt must be given; `local` and `has_id_card` change only the explanation."""
    return not person.photo_on_file


def asked(person: Person, rule: Mapping[str, Any]) -> str:
    """What step 1 asks for: nothing, a `receipt_number`, or a `photo` where the region takes no receipts."""
    if not needs_receipt(person):
        return ""
    return "receipt_number" if rule.get("accepted", True) else "photo"


def why_receipt(person: Person) -> str:
    """The reason shown beside the field, as a code: `on_file`, `not_local`, `no_id_card` or `no_photo`."""
    if person.photo_on_file:
        return "on_file"
    if not person.local:
        return "not_local"
    return "no_photo" if person.has_id_card else "no_id_card"


def tidy_receipt(text: str) -> str:
    """A typed receipt number in the form in which it is stored: half-width, upper case, without spaces and hyphens."""
    return re.sub(r"[\s\-]", "", normalize("NFKC", text)).upper()


def has_format(number: str, rule: Mapping[str, Any]) -> bool:
    """Whether a tidy number has the form of the region's receipts."""
    return re.fullmatch(rule["pattern"].strip("^$"), number, re.ASCII) is not None


def valid_until(taken_on: date, rule: Mapping[str, Any]) -> date:
    """Last day of a receipt; the day of the picture is not counted."""
    return taken_on + timedelta(days=int(rule["valid_days"]))


def judge_receipt(
    number: str, found: Receipt | None, *, owner_index: str, rule: Mapping[str, Any], on: date
) -> ReceiptProblem | None:
    """Why a receipt cannot be used by this person on this day, or None when it can.

    Somebody else's receipt is told apart in code and logs; the page says "not found" for both.
    """
    if not number:
        return ReceiptProblem.MISSING
    if not has_format(number, rule):
        return ReceiptProblem.FORMAT
    if found is None:
        return ReceiptProblem.UNKNOWN
    if found.owner_index != owner_index:
        return ReceiptProblem.OTHER_PERSON
    if on > valid_until(found.taken_on, rule):
        return ReceiptProblem.EXPIRED
    return ReceiptProblem.USED if found.used else None
