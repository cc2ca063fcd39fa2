"""The second factor of staff: a code of an authenticator app, or one of ten recovery codes (RELIABILITY §4.3).

Secrets, codes and recovery codes are those of django-allauth; here stand when they are asked for and how often.
"""

import base64
import io

import segno
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, validate_totp_code
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from portal import audit, crypto
from portal.limits import RateLimited, take
from portal.limits.addresses import client_address
from portal.people.actors import Actor
from portal.people.models import User

GIVEN = "people.second_factor"
NEW_SECRET = "people.second_factor_secret"  # noqa: S105 - the name of a place in the session
PLACE = "mfa_authenticator.data"
USED_SECONDS = 120  # a code is accepted for less than 90 seconds

ASK_PAGE, SET_UP_PAGE = "people:second_factor", "people:second_factor_set_up"
OPEN_PAGES = {
    ASK_PAGE,
    SET_UP_PAGE,
    "people:sign_out",
    "people:staff_sign_out",
    "people:signed_out",
    "design:language",
    "design:display",
}


class WrongFactor(Exception):
    """The code is not right, or was used before."""


class SealingAdapter(DefaultMFAAdapter):
    """Keeps the secrets of authenticators sealed in the database."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(crypto.seal(text, aad=PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.unseal(base64.b64decode(encrypted_text), aad=PLACE)


class OneTimeTOTP(TOTP):
    """A code is accepted once in all processes; allauth's own note of used codes lives in the memory of one."""

    def _mark_code_used(self, code: str) -> bool:
        try:
            take(f"second-factor.used:{self.instance.pk}:{code}", capacity=1, seconds=USED_SECONDS)
        except RateLimited:
            return False
        return True


def page_owed(request: HttpRequest, user: User) -> str:
    """Returns the page on which a signed-in account still has to prove or set up its factor, or nothing."""
    if not user.live_grants:
        return ""
    if user.second_factor_id is None:
        return SET_UP_PAGE if settings.SECOND_FACTOR_REQUIRED else ""
    return "" if request.session.get(GIVEN) == user.second_factor_id else ASK_PAGE


def failure_keys(request: HttpRequest, user: User) -> list[str]:
    """Names what tries are counted by: the account, and the account from this address."""
    return [f"second-factor.account:{user.pk}", f"second-factor.address:{client_address(request)}:{user.pk}"]


def new_secret(request: HttpRequest) -> str:
    """Returns the secret that waits in the session for its first code; makes one at the first visit."""
    kept = request.session.get(NEW_SECRET)
    if kept:
        return get_adapter().decrypt(kept)
    secret = generate_totp_secret()
    request.session[NEW_SECRET] = get_adapter().encrypt(secret)
    return secret


def picture(user: User, secret: str) -> str:
    """Returns the QR code that an authenticator app reads, as a PNG in a data address."""
    out = io.BytesIO()
    segno.make(get_adapter().build_totp_url(user, secret), error="m", micro=False).save(out, kind="png", scale=5)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def set_up(user: User, actor: Actor, secret: str, code: str) -> int:
    """Stores the factor once its first code proves that the app holds the secret; returns the factor's key.

    Recovery codes are made with it. Raises WrongFactor, also when another tab was quicker.
    """
    if not validate_totp_code(secret, code):
        raise WrongFactor
    try:
        with transaction.atomic():
            factor = TOTP.activate(user, secret).instance
            RecoveryCodes.activate(user)
            audit.record("people.second_factor_set_up", actor, subject=user)
    except IntegrityError:
        raise WrongFactor from None
    OneTimeTOTP(factor).validate_code(code)  # the code that proved the app opens nothing else
    return int(factor.pk)


def prove(user: User, code: str) -> str:
    """Uses up a code: six digits of the app, or a recovery code. Returns which it was; raises WrongFactor."""
    for factor in Authenticator.objects.filter(user=user):
        is_totp = factor.type == Authenticator.Type.TOTP
        method = OneTimeTOTP(factor) if is_totp else RecoveryCodes(factor)
        if method.validate_code(code):
            method.instance.record_usage()
            return str(factor.type)
    raise WrongFactor


def recovery_codes(user: User) -> RecoveryCodes:
    """Returns the recovery codes of an account that has a factor."""
    return RecoveryCodes(Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES))


def renew_recovery_codes(user: User, actor: Actor) -> None:
    """Replaces the recovery codes, used and unused ones alike."""
    with transaction.atomic():
        Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
        RecoveryCodes.activate(user)
        audit.record("people.recovery_codes_made", actor, subject=user)


def reset(user: User, actor: Actor) -> bool:
    """Takes the factor away, and with it every session that was opened by it; says whether there was one."""
    with transaction.atomic():
        count, _ = Authenticator.objects.filter(user=user).delete()
        audit.record("people.second_factor_reset", actor, subject=user, outcome="ok" if count else "none")
    return bool(count)
