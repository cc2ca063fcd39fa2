"""A cashier's day end: cash and card slips are counted and must equal what was booked at the window (UX-C15, E8).

A count takes in every payment of the day that was not counted before; whoever takes more money afterwards counts again.
The daily close names the cashiers who have not counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Count, Min, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from payments import cashdesk
from payments.models import Payment, TillClose, TillLine
from portal import audit
from portal.design.text import format_yuan
from portal.people.actors import Actor
from portal.people.models import User


class TillDiffers(Exception):
    """What was counted is not what was booked; `differences` are the sentences that say where."""

    def __init__(self, differences: list[str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = differences


class NothingToCount(Exception):
    """Nothing was taken since the last count."""


@dataclass(frozen=True)
class OpenTill:
    """Money a cashier has taken and not counted yet, in fen."""

    name: str
    count: int
    total_fen: int
    since: date


def uncounted(payments: QuerySet[Payment] | None = None) -> QuerySet[Payment]:
    """Those of the payments that were taken at a window and are in no count."""
    rows = Payment.objects.all() if payments is None else payments
    return rows.filter(provider__startswith=f"{cashdesk.PROVIDER}-", till_line=None)


def uncounted_of(actor: Actor) -> QuerySet[Payment]:
    """What this cashier has taken and not counted."""
    return uncounted(cashdesk.own_payments(actor))


def open_tills(payments: QuerySet[Payment]) -> list[OpenTill]:
    """Who has not counted what, the oldest first."""
    rows = list(
        uncounted(payments)
        .order_by()
        .values("actor_user_id")
        .annotate(count=Count("pk"), total=Sum("amount_fen"), since=Min("paid_on"))
    )
    people = User.objects.in_bulk([row["actor_user_id"] for row in rows])
    found = [
        OpenTill(people[row["actor_user_id"]].display_name, row["count"], row["total"], row["since"]) for row in rows
    ]
    return sorted(found, key=lambda till: (till.since, till.name))


def counts_of(actor: Actor, on: date) -> list[TillClose]:
    """The counts this cashier made for a day."""
    return list(TillClose.objects.filter(cashier_id=actor.user_id or 0, on=on))


def count_till(*, actor: Actor, on: date, cash_fen: int, card_fen: int, at: datetime | None = None) -> TillClose:
    """Closes the till of a day with what was counted; raises TillDiffers or NothingToCount, nothing written."""
    try:
        with transaction.atomic():
            rows = list(uncounted_of(actor).filter(paid_on=on).select_for_update(of=("self",)))
            if not rows:
                raise NothingToCount
            differences = _differences(rows, cash_fen, card_fen)
            if differences:
                raise TillDiffers(differences)
            close = TillClose.objects.create(
                cashier_id=actor.user_id or 0,
                on=on,
                closed_at=at or timezone.now(),
                count=len(rows),
                cash_fen=cash_fen,
                card_fen=card_fen,
                booked_fen=sum(row.amount_fen for row in rows),
            )
            TillLine.objects.bulk_create([TillLine(close=close, payment=row) for row in rows])
            audit.record("till.counted", actor, subject=close, details={"on": on.isoformat(), "count": len(rows)})
    except TillDiffers:
        audit.record("till.differs", actor, outcome="refused", details={"on": on.isoformat()})
        raise
    except IntegrityError as error:
        # The same count from another tab was faster.
        raise NothingToCount from error
    return close


def _differences(rows: Sequence[Payment], cash_fen: int, card_fen: int) -> list[str]:
    cash = sum(row.amount_fen for row in rows if row.provider.endswith("-cash"))
    card = sum(row.amount_fen for row in rows) - cash
    found = []
    if cash_fen != cash:
        found.append(
            _("Cash: counted %(counted)s, booked %(booked)s, difference %(rest)s.")
            % {"counted": format_yuan(cash_fen), "booked": format_yuan(cash), "rest": format_yuan(abs(cash_fen - cash))}
        )
    if card_fen != card:
        found.append(
            _("Card slips: counted %(counted)s, booked %(booked)s, difference %(rest)s.")
            % {"counted": format_yuan(card_fen), "booked": format_yuan(card), "rest": format_yuan(abs(card_fen - card))}
        )
    return found
