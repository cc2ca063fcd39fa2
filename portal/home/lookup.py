"""The look-up without an account: a number from a paper and the end of an identity number tell stage and next step.

Nothing else: no name, no amount, no office, no history (N11, ARCHITECTURE §8). Whether a number is unknown or the end
does not fit cannot be told apart, neither by the words nor by the time.
"""

import hmac
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cards.models import CardApplication
from cards.progress import TAG_COLOURS as CARD_COLOURS
from cards.states import State as CardStage
from enrollment import progress
from enrollment.models import Application
from enrollment.states import State as EnrolmentStage
from payments.models import Notice
from payments.states import State as NoticeStage
from portal import audit
from portal.limits import give_back, take
from portal.limits.addresses import client_address
from portal.people.actors import ANONYMOUS, SYSTEM
from portal.people.models import Resident
from portal.people.timing import floor
from portal.regions import calendar

WRONG_TRIES = 5
WINDOW_SECONDS = 15 * 60
END_LENGTH = 4
LONGEST_NUMBER = 40
Words = str | Promise

CARD_STEPS: dict[str, Words] = {
    CardStage.AWAITING_PAYMENT: _("Pay the card fee"),
    CardStage.UNDER_REVIEW: _("The card office is reviewing the application; you need not do anything"),
    CardStage.CORRECTION_REQUIRED: _("Please put some things right"),
    CardStage.IN_PRODUCTION: _("The card is being made; you need not do anything"),
    CardStage.READY_FOR_PICKUP: _("Collect the card at the pickup point"),
    CardStage.COLLECTED: _("Nothing is left to do."),
    CardStage.REJECTED: _("Sign in to read the reason and what you can do next"),
    CardStage.WITHDRAWN: _("The application is closed; you can apply again"),
    CardStage.LAPSED: _("The application is closed; you can apply again"),
    CardStage.SEALED: _("The application is closed; you can apply again"),
}
NOTICE_STEPS: dict[str, Words] = {
    NoticeStage.ISSUED: _("Pay the notice"),
    NoticeStage.PAID: _("The money has arrived. Do not pay again."),
    NoticeStage.REFUNDING: _("A refund is being decided; you need not do anything"),
    NoticeStage.REFUNDED: _("The money is being paid back"),
    NoticeStage.EXPIRED: _("The notice has expired. Do not pay it."),
    NoticeStage.CANCELLED: _("The notice was cancelled. Do not pay it."),
}
PAY_BY_OVER: Words = _("The pay-by day is over. Do not pay now; call us.")
NOTICE_COLOURS = {NoticeStage.ISSUED: "yellow", NoticeStage.PAID: "green"}


@dataclass(frozen=True)
class Standing:
    """What a guest may know: the kind of case, its stage, the next step, and until when."""

    what: Words
    stage: Words
    colour: str
    next_step: Words
    by: date | None
    hotline: str
    to_pay: bool = False


def tidy_number(text: str) -> str:
    """The digits of a number however it was typed or scanned: spaces, hyphens and full-width digits are fine."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST_NUMBER])
    return "".join(sign for sign in folded if sign.isascii() and sign.isalnum())


def tidy_end(text: str) -> str:
    """The last four characters of an identity number as typed; a small x counts as X."""
    return unicodedata.normalize("NFKC", text).strip().upper()[-END_LENGTH:]


def look_up(request: HttpRequest, number: str, end: str) -> Standing | None:
    """Where the case of a number stands, or None for a wrong or unknown one; always takes the same time.

    Five wrong tries for one number, and five from one address, are answered within a quarter of an hour; the next
    raises RateLimited. A right one costs nothing.
    """
    with floor(), _counted(f"lookup.number:{number}", f"lookup.address:{client_address(request)}") as right:
        found = _find(number)
        if found is None or not _fits(found[1], end):
            return None
        right.append(True)
        subject, _people, standing = found
        audit.record("lookup.shown", ANONYMOUS, subject=subject)
        return standing


@contextmanager
def _counted(*keys: str) -> Iterator[list[bool]]:
    """Takes a try of each key before looking, so that a race buys none, and gives it back when the try was right."""
    for key in keys:
        take(key, capacity=WRONG_TRIES, seconds=WRONG_TRIES * WINDOW_SECONDS)
    right: list[bool] = []
    yield right
    if right:
        for key in keys:
            give_back(key, capacity=WRONG_TRIES)


Found = tuple[Any, list[Resident | None], Standing]


def _find(number: str) -> Found | None:
    """The case a number names, the people whose identity number opens it, and its standing."""
    application = Application.objects.visible_to(SYSTEM).for_pages().filter(number=number).first()
    if application is not None:
        return application, [application.beneficiary, application.resident], _enrolment(application)
    card = CardApplication.objects.visible_to(SYSTEM).for_pages().filter(number=number).first()
    if card is not None:
        return card, [card.resident, card.applicant], _card(card)
    rows = Notice.objects.visible_to(SYSTEM).select_related("resident")
    notice = rows.filter(number=number).first() or rows.filter(pay_code=number).first()
    if notice is None:
        return None
    about = Application.objects.visible_to(SYSTEM).filter(notice=notice).select_related("beneficiary").first()
    return notice, [notice.resident, about.beneficiary if about else None], _notice(notice)


def _fits(people: list[Resident | None], end: str) -> bool:
    fits = [
        hmac.compare_digest(person.identity_number[-END_LENGTH:].encode(), end.encode()) for person in people if person
    ]
    return len(end) == END_LENGTH and any(fits)


def _enrolment(application: Application) -> Standing:
    stage = EnrolmentStage(application.state)
    is_billed = stage == EnrolmentStage.AWAITING_PAYMENT
    by = progress.pay_by(application) if is_billed else application.last_day
    return Standing(
        what=_("Medical insurance: registration"),
        stage=stage.label,
        colour=progress.TAG_COLOURS[stage],
        next_step=progress.step(application).title,
        by=by,
        hotline=_hotline(application, "hotline", "12393"),
        to_pay=is_billed,
    )


def _card(card: CardApplication) -> Standing:
    stage = CardStage(card.state)
    by = card.last_day
    next_step = CARD_STEPS.get(stage, "")
    if stage == CardStage.AWAITING_PAYMENT and card.notice is not None:
        over = card.notice.is_overdue(calendar.today())
        by, next_step = (None, PAY_BY_OVER) if over else (card.notice.due_on, next_step)
    elif stage in (CardStage.UNDER_REVIEW, CardStage.IN_PRODUCTION):
        by = card.promised_on
    return Standing(
        what=_("Social security card: application"),
        stage=stage.label,
        colour=CARD_COLOURS[stage],
        next_step=next_step,
        by=by,
        hotline=_hotline(card, "card.hotline", "12333"),
        to_pay=stage == CardStage.AWAITING_PAYMENT,
    )


def _notice(notice: Notice) -> Standing:
    stage = NoticeStage(notice.state)
    over = stage == NoticeStage.ISSUED and notice.is_overdue(calendar.today())
    return Standing(
        what=_("Payment notice"),
        stage=stage.label,
        colour=NOTICE_COLOURS.get(stage, "grey"),
        next_step=PAY_BY_OVER if over else NOTICE_STEPS[stage],
        by=notice.due_on if stage == NoticeStage.ISSUED and not over else None,
        hotline="12393" if notice.kind == "premium" else "12333",
        to_pay=True,
    )


def _hotline(subject: Any, key: str, fallback: str) -> str:
    return str(subject.policy.policy.setting(key, fallback)) if subject.policy is not None else fallback


def number_of(pk: UUID) -> str:
    """The number of the case a paper's code leads to, empty when there is none; it is printed beside the code."""
    row = Application.objects.visible_to(SYSTEM).filter(pk=pk).first()
    row = row or CardApplication.objects.visible_to(SYSTEM).filter(pk=pk).first()
    return (row.number or "") if row is not None else ""
