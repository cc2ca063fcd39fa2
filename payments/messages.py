"""What payers are told: each fact once, to the payer or, for people without a telephone, to their guardian."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.utils import translation

from payments.models import Notice
from portal.design.text import format_day, format_yuan
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people.models import Guardianship, Resident


def tell_issued(notices: Sequence[Notice]) -> None:
    """Tells the payers of new notices what to pay, by when, and under which number."""
    _tell(notices, "payments_issued", "issued")


def tell_reminded(notices: Sequence[Notice], occasion: str) -> None:
    """Reminds payers before the pay-by date; `occasion` tells one reminder from the next (E12)."""
    _tell(notices, "payments_reminder", f"reminder:{occasion}")


def tell_paid(notices: Sequence[Notice]) -> None:
    """Tells payers that the money has arrived and that they need not pay again."""
    _tell(notices, "payments_paid", "paid")


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
