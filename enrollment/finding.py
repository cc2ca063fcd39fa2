"""The desk's search box: a number, a scanned code, a telephone, the end of an identity number, a name, initials.

Only cases the reader sees anyway are found (UX-C10). What can name one case alone leads straight to it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from enrollment.models import Application, ApplicationQuerySet
from portal.crypto import blind_index
from portal.design.fields import fold_width
from portal.documents.models import PaperRecord
from portal.documents.records import CODE_LENGTH, normalize_code
from portal.people.identity import InvalidIdentityNumber, parse_identity_number
from portal.people.initials import LONGEST, initials
from portal.people.models import identity_index, identity_tail_index, phone_index
from portal.people.names import InvalidPhone, parse_phone

MOST = 25
LONGEST_QUERY = 400

_TAIL_AND_NAME = re.compile(r"(?P<tail>[0-9]{5}[0-9Xx])\s*(?P<name>[^\s0-9].*)")
_NAME_AND_TAIL = re.compile(r"(?P<name>[^0-9]*[^\s0-9])\s*(?P<tail>[0-9]{5}[0-9Xx])")
_CODE = re.compile(r"[0-9A-Za-z]{2,4}(?:-[0-9A-Za-z]{2,4}){5,7}|[0-9A-Za-z]{26}")


@dataclass(frozen=True)
class Found:
    """The cases found; `exact` when the text names one case and no other."""

    rows: list[Application]
    exact: bool = False


def find(visible: ApplicationQuerySet, text: str) -> Found:
    """Looks for the cases a text means; an empty text finds nothing."""
    words = " ".join(fold_width(text[:LONGEST_QUERY]).split())
    if not words:
        return Found([])
    compact = re.sub(r"[\s-]", "", words)
    for way in (by_number, by_scan):
        if (row := way(visible, words, compact)) is not None:
            return Found([row], exact=True)
    for condition in (by_identity_number, by_phone, by_tail, by_name, by_initials):
        if (wanted := condition(words, compact)) is not None:
            rows = visible.filter(wanted).select_related("beneficiary", "region", "office", "helper")
            return Found(list(rows.defer("answers_cipher", "facts").order_by("-state_since")[:MOST]))
    return Found([])


def by_number(visible: ApplicationQuerySet, words: str, compact: str) -> Application | None:
    """The number of an application or of its payment notice."""
    if not compact.isdigit() or len(compact) > 16:
        return None
    return visible.filter(number=compact).first() or visible.filter(notice__number=compact).first()


def by_scan(visible: ApplicationQuerySet, words: str, compact: str) -> Application | None:
    """The QR code or the short code of a paper about the case or its notice."""
    for part in (words, *_CODE.findall(words)):
        code = normalize_code(part)
        if len(code) != CODE_LENGTH:
            continue
        record = PaperRecord.objects.filter(code_index=blind_index(code, purpose="documents.paper.code")).first()
        subject = _uuid(record.subject_id) if record is not None else None
        if subject is not None:
            return visible.filter(Q(pk=subject) | Q(notice=subject)).first()
    return None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


Condition = Callable[[str, str], Q | None]


def by_identity_number(words: str, compact: str) -> Q | None:
    """A whole identity number, of the applicant or of the person to insure."""
    if len(compact) < 8:
        return None
    try:
        number = parse_identity_number(compact)
    except InvalidIdentityNumber:
        return None
    index = identity_index(number.kind, number.normalized)
    return Q(beneficiary__id_index=index) | Q(resident__id_index=index)


def by_phone(words: str, compact: str) -> Q | None:
    """A mobile number on file."""
    try:
        index = phone_index(parse_phone(compact))
    except InvalidPhone:
        return None
    return Q(resident__phone_index=index) | Q(beneficiary__phone_index=index)


def by_tail(words: str, compact: str) -> Q | None:
    """The last six characters of the identity number, with the name or its beginning in either order."""
    if re.fullmatch(r"[0-9]{5}[0-9Xx]", compact):
        return Q(beneficiary__id_tail_index=identity_tail_index(compact))
    match = _TAIL_AND_NAME.fullmatch(words) or _NAME_AND_TAIL.fullmatch(words)
    if match is None:
        return None
    tail = identity_tail_index(match["tail"])
    return Q(beneficiary__id_tail_index=tail, beneficiary__name__startswith=match["name"].strip())


def by_name(words: str, compact: str) -> Q | None:
    """A name with Chinese characters; its initials are in the index, the name itself decides."""
    if compact.isascii():
        return None
    found = initials(compact)
    return Q(beneficiary__name_initials__startswith=found, beneficiary__name__startswith=compact) if found else None


def by_initials(words: str, compact: str) -> Q | None:
    """The beginning of the pinyin initials, or of a name in Latin letters; two letters or more."""
    letters = re.sub(r"[.']", "", compact)
    if not letters.isascii() or not letters.isalpha() or len(letters) < 2:
        return None
    latin = Q(beneficiary__name_initials__startswith=initials(words), beneficiary__name__istartswith=words)
    return latin | Q(beneficiary__name_initials__startswith=letters.lower()[:LONGEST])
