"""One-time codes of residents: made, sent through a registered sender, redeemed once (RELIABILITY §4.2).

The page, the rows written and the time taken are the same whether somebody is on file, is not, or gave another name or
telephone. Whoever must not get a code gets a decoy row that no code opens.
"""

import datetime
import hmac
import json
import secrets
import uuid
from typing import Protocol

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from portal import crypto
from portal.people.identity import IdentityKind, IdentityNumber
from portal.people.models import Resident, SignInCode, identity_index, phone_index
from portal.people.names import comparable_name
from portal.people.services import AlreadyRegistered, register_resident

CODE_SECONDS = 300
MOST_TRIES = 5
KEPT_HOURS = 24


class Sender(Protocol):
    """Puts a code on its way, inside the caller's transaction. `reference` is new for each code and tells nothing."""

    def __call__(
        self,
        *,
        phone: str,
        code: str,
        resident_id: uuid.UUID | None,
        language: str,
        expires_at: datetime.datetime,
        reference: str,
    ) -> None: ...


senders: list[Sender] = []


class WrongCode(Exception):
    """The code does not fit; `tries_left` more may be made."""

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"{tries_left} tries left")
        self.tries_left = tries_left


class CodeOver(Exception):
    """The code is used, too old, of another session, or tried too often: a new one is needed."""


def issue(*, number: IdentityNumber, name: str, phone: str, session_key: str, language: str) -> SignInCode:
    """Makes a code for whoever this claims to be and sends it where that is allowed; all values are parsed ones."""
    subject = identity_index(number.kind, number.normalized)
    resident = Resident.objects.filter(id_index=subject).select_related("user").first()
    name_fits = resident is not None and comparable_name(resident.name) == comparable_name(name)
    phone_fits = hmac.compare_digest(phone_index(phone), resident.phone_index if resident else "")
    is_switched_off = resident is not None and resident.user is not None and not resident.user.is_active
    is_decoy = resident is not None and (not name_fits or not phone_fits or is_switched_off)
    digits = f"{secrets.randbelow(1_000_000):06d}"
    now = timezone.now()
    code = SignInCode(
        resident=resident,
        subject_digest=subject,
        session_digest=_session_digest(session_key),
        is_decoy=is_decoy,
        created_at=now,
        expires_at=now + datetime.timedelta(seconds=CODE_SECONDS),
    )
    code.code_digest = _code_digest(code.pk, digits)
    claim = {"kind": number.kind, "number": number.normalized, "name": name, "phone": phone, "language": language}
    code.claim_cipher = crypto.seal(json.dumps(claim), aad=_claim_place(code.pk))
    with transaction.atomic():
        code.save(force_insert=True)
        if not is_decoy:
            for send in senders:
                send(
                    phone=phone,
                    code=digits,
                    resident_id=resident.pk if resident else None,
                    language=resident.language if resident else language,
                    expires_at=code.expires_at,
                    reference=str(code.pk),
                )
    return code


def redeem(pk: uuid.UUID, digits: str, *, session_key: str) -> SignInCode:
    """Uses a code up; raises WrongCode or CodeOver.

    Each try is counted before it is compared, so that no race buys a sixth.
    """
    now = timezone.now()
    usable = SignInCode.objects.filter(
        pk=pk, session_digest=_session_digest(session_key), used_at=None, tries__lt=MOST_TRIES, expires_at__gt=now
    )
    if not usable.update(tries=F("tries") + 1):
        raise CodeOver
    code = SignInCode.objects.select_related("resident").get(pk=pk)
    fits = hmac.compare_digest(code.code_digest, _code_digest(code.pk, digits))
    if not fits or code.is_decoy:
        raise WrongCode(max(0, MOST_TRIES - code.tries))
    if not SignInCode.objects.filter(pk=pk, used_at=None).update(used_at=now):
        raise CodeOver
    return code


def resident_of(code: SignInCode) -> Resident:
    """Returns who a redeemed code signs in; a newcomer is put on file as self-declared. Raises CodeOver.

    If somebody registered the same number since the code was sent, the newcomer starts again and meets the usual rules.
    """
    if code.resident is not None:
        return code.resident
    claim = json.loads(crypto.unseal(code.claim_cipher, aad=_claim_place(code.pk)))
    try:
        return register_resident(
            identity_number=claim["number"],
            kind=IdentityKind(claim["kind"]),
            name=claim["name"],
            phone=claim["phone"],
            language=claim["language"],
        )
    except AlreadyRegistered as error:
        raise CodeOver from error


def forget_old() -> int:
    """Deletes codes a day after they were made, with what newcomers had typed."""
    limit = timezone.now() - datetime.timedelta(hours=KEPT_HOURS)
    return SignInCode.objects.filter(created_at__lt=limit).delete()[0]


def _code_digest(pk: uuid.UUID, digits: str) -> str:
    return crypto.keyed_digest(f"{pk}:{digits}".encode(), purpose="people.code")


def _session_digest(session_key: str) -> str:
    return crypto.keyed_digest(session_key.encode(), purpose="people.code.session")


def _claim_place(pk: uuid.UUID) -> str:
    return f"people_signincode.claim:{pk}"
