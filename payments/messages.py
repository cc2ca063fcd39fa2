"""What payers are told: each fact once, to the payer or, for people without a telephone, to their guardian."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from django.utils import translation

from payments.membership import told_by_collective
from payments.models import Notice
from payments.moved import Moved
from payments.numbers import grouped
from payments.states import State
from portal.design.text import format_day, format_yuan
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people.models import Guardianship, Resident
from portal.workflow.lookups import written_out


def tell_issued(notices: Sequence[Notice]) -> None:
    """Tells the payers of new notices what to pay, by when, and under which number."""
    _tell(notices, "payments_issued", "issued")


def tell_reminded(notices: Sequence[Notice | Moved], on: date) -> None:
    """Reminds payers on a local date: before the pay-by date to pay, after it not to pay any more (E12).

    Who is reminded of a collective notice is not reminded of each of its members besides.
    """
    known = told_by_collective(notices, State.ISSUED)
    told = [notice for notice in notices if written_out(notice.pk) not in known]
    fact = f"reminder:{on.isoformat()}"
    _tell([notice for notice in told if on <= notice.due_on], "payments_reminder", fact)
    _tell([notice for notice in told if on > notice.due_on], "payments_late", fact)


def tell_paid(notices: Sequence[Notice | Moved]) -> None:
    """Tells payers that the money has arrived and that they need not pay again, once for a collective notice."""
    known = told_by_collective(notices, State.PAID)
    _tell([notice for notice in notices if written_out(notice.pk) not in known], "payments_paid", "paid")


def tell_refunded(notices: Sequence[Notice], owed: Mapping[UUID, int]) -> None:
    """Tells payers that a refund is on its way, and of how much, in fen by notice."""
    _tell(notices, "payments_refunded", "refunded", owed)


def tell_taken_back(notices: Sequence[Notice]) -> None:
    """Tells payers that the bank has taken their money back, so that the notice is not paid any more."""
    _tell(notices, "payments_taken_back", "taken_back")


def tell_paid_out(notice: Notice, amount_fen: int, payout_id: UUID) -> None:
    """Tells a payer that the money of a refund has left."""
    reader = _readers([notice.resident_id]).get(notice.resident_id)
    if reader is None:
        return
    with translation.override(reader.language):
        params = {"number": notice.grouped_number, "amount": format_yuan(amount_fen)}
    draft = MessageDraft(
        key=f"payments.paid_out:{payout_id}",
        template="payments_paid_out",
        resident_id=reader.pk,
        params=params,
        language=reader.language,
    )
    enqueue_many([draft])


def _tell(notices: Sequence[Notice | Moved], template: str, fact: str, sums: Mapping[UUID, int] | None = None) -> None:
    if not notices:
        return
    readers = _readers(notice.resident_id for notice in notices)
    by_language: dict[str, list[Notice | Moved]] = defaultdict(list)
    for notice in notices:
        if notice.resident_id in readers:
            by_language[readers[notice.resident_id].language].append(notice)
    drafts = []
    for language, mine in by_language.items():
        # Amounts, days and titles repeat within a batch, and are written in this language alone.
        yuan, day, name = cache(format_yuan), cache(format_day), _names()
        with translation.override(language):
            drafts += [
                MessageDraft(
                    key=f"payments.{fact}:{written_out(notice.pk)}",
                    template=template,
                    resident_id=readers[notice.resident_id].pk,
                    params=_params(notice, yuan, day, name) | _sum_of(notice, sums, yuan),
                    language=language,
                )
                for notice in mine
            ]
    enqueue_many(drafts)


def _sum_of(notice: Notice | Moved, sums: Mapping[UUID, int] | None, yuan: Callable[[int], str]) -> dict[str, str]:
    """The amount to name where it is another one than the notice's."""
    return {"amount": yuan(sums[notice.pk])} if sums and isinstance(notice, Notice) else {}


def _names() -> Callable[[Notice | Moved], str]:
    """The names of notices in the active language; each title is read once."""
    known: dict[tuple[str, ...], str] = {}

    def name(notice: Notice | Moved) -> str:
        title = tuple(notice.title.values())
        if title not in known:
            known[title] = notice.name
        return known[title]

    return name


def _params(
    notice: Notice | Moved,
    yuan: Callable[[int], str],
    day: Callable[[date | None], str],
    name: Callable[[Notice | Moved], str],
) -> dict[str, Any]:
    """What messages say of a notice, in the active language."""
    return {
        "title": name(notice),
        "number": grouped(notice.number),
        "amount": yuan(notice.amount_fen),
        "due": day(notice.due_on),
        "paid": day(notice.paid_on),
    }


def _readers(resident_ids: Iterable[UUID]) -> dict[UUID, Resident]:
    """Who reads the message about each payer: the payer, or a guardian where the payer has no telephone."""
    rows = Resident.objects.filter(pk__among=set(resident_ids)).only("phone_index", "language")
    payers = {resident.pk: resident for resident in rows}
    readers = {pk: resident for pk, resident in payers.items() if resident.phone_index}
    silent = set(payers) - set(readers)
    if silent:
        guardians = Guardianship.objects.live().filter(ward__in=silent).exclude(guardian__phone_index="")
        for guardianship in guardians.select_related("guardian").order_by("pk"):
            readers.setdefault(guardianship.ward_id, guardianship.guardian)
    return readers
