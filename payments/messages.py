"""What payers are told: each fact once, to the payer or, for people without a telephone, to their guardian."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.utils import translation

from payments.membership import told_by_collective
from payments.models import Notice
from payments.states import State
from portal.design.text import format_day, format_yuan
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people.models import Guardianship, Resident


def tell_issued(notices: Sequence[Notice]) -> None:
    """Tells the payers of new notices what to pay, by when, and under which number."""
    _tell(notices, "payments_issued", "issued")


def tell_reminded(notices: Sequence[Notice], on: date) -> None:
    """Reminds payers on a local date: before the pay-by date to pay, after it not to pay any more (E12).

    Who is reminded of a collective notice is not reminded of each of its members besides.
    """
    known = told_by_collective(notices, State.ISSUED)
    told = [notice for notice in notices if notice.pk not in known]
    fact = f"reminder:{on.isoformat()}"
    _tell([notice for notice in told if on <= notice.due_on], "payments_reminder", fact)
    _tell([notice for notice in told if on > notice.due_on], "payments_late", fact)


def tell_paid(notices: Sequence[Notice]) -> None:
    """Tells payers that the money has arrived and that they need not pay again, once for a collective notice."""
    known = told_by_collective(notices, State.PAID)
    _tell([notice for notice in notices if notice.pk not in known], "payments_paid", "paid")


def tell_refunded(notices: Sequence[Notice]) -> None:
    """Tells payers that a refund is on its way."""
    _tell(notices, "payments_refunded", "refunded")


def _tell(notices: Sequence[Notice], template: str, fact: str) -> None:
    if not notices:
        return
    readers = _readers(notice.resident_id for notice in notices)
    drafts = []
    for notice in notices:
        reader = readers.get(notice.resident_id)
        if reader is None:
            continue
        drafts.append(
            MessageDraft(
                key=f"payments.{fact}:{notice.pk}",
                template=template,
                resident_id=reader.pk,
                params=_params(notice, reader.language),
                language=reader.language,
            )
        )
    enqueue_many(drafts)


def _params(notice: Notice, language: str) -> dict[str, Any]:
    with translation.override(language):
        return {
            "title": notice.name,
            "number": notice.grouped_number,
            "amount": format_yuan(notice.amount_fen),
            "due": format_day(notice.due_on),
            "paid": format_day(notice.paid_on),
        }


def _readers(resident_ids: Iterable[UUID]) -> dict[UUID, Resident]:
    """Who reads the message about each payer: the payer, or a guardian where the payer has no telephone."""
    payers = {resident.pk: resident for resident in Resident.objects.filter(pk__in=set(resident_ids))}
    readers = {pk: resident for pk, resident in payers.items() if resident.phone_index}
    silent = set(payers) - set(readers)
    if silent:
        guardians = Guardianship.objects.live().filter(ward__in=silent).exclude(guardian__phone_index="")
        for guardianship in guardians.select_related("guardian").order_by("pk"):
            readers.setdefault(guardianship.ward_id, guardianship.guardian)
    return readers
