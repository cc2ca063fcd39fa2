"""Reads names and telephone numbers as people write them, and masks them for those who need not see all of them.

Names stay in one field: many names of China's peoples have no family and given part (DOMAIN §12).
"""

import unicodedata

import regex

LONGEST_NAME = 50
SEPARATOR = "\u00b7"
LOOKALIKES = "•‧・∙．.⋅･᛫●。﹒"  # what keyboards offer for the middle dot

_HAN = regex.compile(r"[\p{Han}〇]+(?:·[\p{Han}〇]+)*")
_LATIN = regex.compile(r"\p{Latin}[\p{Latin}\p{M}]*(?:(?:[ ,'’\-]|\. ?|, )\p{Latin}[\p{Latin}\p{M}]*)*\.?")
_LOOKALIKE = regex.compile("[" + regex.escape(LOOKALIKES) + "]")
_BLANKS = regex.compile(r"\s+")
_INVISIBLE = regex.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

_MAINLAND_PHONE = regex.compile(r"1[3-9][0-9]{9}")
_NEIGHBOUR_PHONE = regex.compile(r"\+(?:852[0-9]{8}|853[0-9]{8}|886[0-9]{9})")


class InvalidName(ValueError):
    """A text that cannot be a name; `reason` is empty, length, separator or characters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidPhone(ValueError):
    """A text that is no mobile number of the mainland, Hong Kong, Macao or Taiwan."""


def parse_name(text: str) -> str:
    """Returns the stored spelling of a name of 1 to 50 characters; raises InvalidName.

    Han names keep rare characters as they are: compatibility normalisation would turn some into others. Dots that look
    like the separator become U+00B7.
    """
    name = _INVISIBLE.sub("", text).strip()
    if not name:
        raise InvalidName("empty")
    if regex.search(r"\p{Han}", name):
        name = _LOOKALIKE.sub(SEPARATOR, _BLANKS.sub("", name))
        if name.startswith(SEPARATOR) or name.endswith(SEPARATOR) or SEPARATOR * 2 in name:
            raise InvalidName("separator")
        shape = _HAN
    else:
        name = _BLANKS.sub(" ", unicodedata.normalize("NFKC", name))
        shape = _LATIN
    if len(name) > LONGEST_NAME:
        raise InvalidName("length")
    if not shape.fullmatch(name):
        raise InvalidName("characters")
    return name


def comparable_name(text: str) -> str:
    """Returns the form in which two spellings of one name are equal; case and spaces do not count."""
    return unicodedata.normalize("NFC", text).replace(" ", "").casefold()


def parse_phone(text: str) -> str:
    """Returns 11 digits for the mainland, `+` and digits for Hong Kong, Macao and Taiwan; raises InvalidPhone."""
    phone = regex.sub(r"[\s\-()\u2010-\u2015\u2212]|" + _INVISIBLE.pattern, "", unicodedata.normalize("NFKC", text))
    phone = regex.sub(r"^00", "+", phone)
    phone = regex.sub(r"^\+?86(?=1[0-9]{10}$)", "", phone)
    if _MAINLAND_PHONE.fullmatch(phone) or _NEIGHBOUR_PHONE.fullmatch(phone):
        return phone
    raise InvalidPhone("format")


def mask_name(name: str) -> str:
    """Returns `张*`, or `阿**·***` for a name with a separator; the stars do not tell the length of the name."""
    if not name:
        return ""
    return f"{name[0]}**{SEPARATOR}***" if SEPARATOR in name else f"{name[0]}*"


def mask_identity_number(number: str, *, for_staff: bool = False) -> str:
    """Keeps first 6 and last 4 characters for staff, first and last elsewhere (ARCHITECTURE §8)."""
    head, tail = (6, 4) if for_staff and len(number) > 12 else (1, 1)
    return f"{number[:head]}{'*' * max(0, len(number) - head - tail)}{number[-tail:]}" if number else ""


def mask_phone(phone: str) -> str:
    """Returns `199****0001`."""
    if not phone:
        return ""
    return f"{phone[:-8]}****{phone[-4:]}"
