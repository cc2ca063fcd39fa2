"""Closing a day: notices, bank lines, ledger and receipts must say the same, or the differences are named (E8).

A day is closed for one channel in one area, and apart from all areas for money for which no place is known. What is
posted to it are the payments whose journals carry that accounting day. Banks and platforms prove them by statement
lines, counters by the cash somebody counted. A closed day takes no more postings: later money goes to the next open
day, whatever day it was paid on.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from payments import tills
from payments.ledger import GATE, HELD_PREFIX
from payments.models import (
    Account,
    DayClose,
    Entry,
    Journal,
    JournalKind,
    LineOutcome,
    Payment,
    Reason,
    Receipt,
    StatementLine,
)
from portal.design.text import format_yuan
from portal.people.actors import Actor
from portal.regions import calendar
from portal.regions.models import Region

WAIT_SECONDS = 10.0
PAUSE_SECONDS = 0.05


class NotBalanced(Exception):
    """The day does not balance; `differences` are the sentences that say where."""

    def __init__(self, differences: list[str]) -> None:
        super().__init__("; ".join(differences))
        self.differences = differences


class TooBusy(Exception):
    """Bookings went on without a pause; the day can be closed in a moment."""


@dataclass(frozen=True, kw_only=True)
class DaySheet:
    """What each source says about one day of one channel, in fen."""

    region: Region | None
    channel: str
    on: date
    by_statement: bool
    is_counted: bool
    payments: int
    paid_fen: int
    settled_fen: int
    waiting_fen: int
    ledger_fen: int
    proved_fen: int | None
    unproved: int
    receipts: int
    receipts_fen: int
    notices: int
    notices_fen: int
    differing: int
    closed: DayClose | None = None
    differences: list[str] = field(default_factory=list)


def sheet(*, region: Region | None, channel: str, on: date, counted_fen: int | None = None) -> DaySheet:
    """The day as every source has it, with the differences named; `counted_fen` is the cash somebody counted."""
    payments = payments_of_day(region=region, channel=channel, on=on)
    money = payments.aggregate(count=Count("pk"), total=Sum("amount_fen"))
    waiting = payments.filter(outcome=Payment.Outcome.EXCEPTION).aggregate(total=Sum("amount_fen"))["total"] or 0
    paid = money["total"] or 0
    entries = Entry.objects.filter(
        journal__in=journals_of_day(region=region, channel=channel, on=on),
        account__in=[Account.BANK, Account.CASH_HELD],
    )
    # A reversal proves the money only where nothing but the reversal ever told of it.
    told_by_reversal = Q(payment__outcome=Payment.Outcome.EXCEPTION, payment__exception__reason=Reason.REVERSED)
    lines = StatementLine.objects.filter(payment__in=payments).exclude(~told_by_reversal, outcome=LineOutcome.REVERSED)
    by_statement = is_by_statement(payments, channel)
    proved_rows = lines.order_by().values("payment").annotate(total=Max("amount_fen"))
    # Windows count their tills, and village cash is counted when it is remitted.
    open_tills = tills.open_tills(payments)
    in_hand = payments.filter(Q(till_line__isnull=False) | Q(provider__startswith=HELD_PREFIX))
    counted_before = in_hand.aggregate(count=Count("pk"), total=Sum("amount_fen"))
    is_counted = not by_statement and counted_before["count"] > 0 and counted_before["count"] == money["count"]
    if by_statement:
        proved: int | None = sum(row["total"] for row in proved_rows)
    else:
        proved = counted_before["total"] if is_counted and counted_fen is None else counted_fen
    settled = payments.filter(outcome=Payment.Outcome.SETTLED)
    receipts = Receipt.objects.filter(payment__in=settled, reverses=None, turn=1).aggregate(
        count=Count("pk"), total=Sum("amount_fen")
    )
    notices = list(settled.order_by().values_list("notice", "notice__amount_fen").distinct())
    members = Count("notice__members", filter=Q(notice__members__isnull=False))
    found = DaySheet(
        region=region,
        channel=channel,
        on=on,
        by_statement=by_statement,
        is_counted=is_counted,
        payments=money["count"],
        paid_fen=paid,
        settled_fen=paid - waiting,
        waiting_fen=waiting,
        ledger_fen=entries.aggregate(total=Sum("amount_fen"))["total"] or 0,
        proved_fen=proved,
        unproved=payments.exclude(pk__in=lines.values("payment")).count() if by_statement else 0,
        receipts=receipts["count"],
        receipts_fen=receipts["total"] or 0,
        notices=sum(count or 1 for _pk, count in settled.annotate(count=members).values_list("pk", "count")),
        notices_fen=sum(fen for _notice, fen in notices),
        differing=lines.filter(outcome=LineOutcome.DIFFERS).count(),
        closed=_close_of(region, channel, on),
    )
    found.differences.extend(_differences(found))
    found.differences.extend(_open_till(till) for till in open_tills)
    return found


def _open_till(till: tills.OpenTill) -> str:
    return ngettext(
        "%(name)s has not counted the till: %(count)d payment, %(total)s.",
        "%(name)s has not counted the till: %(count)d payments, %(total)s.",
        till.count,
    ) % {"name": till.name, "count": till.count, "total": format_yuan(till.total_fen)}


def _close_of(region: Region | None, channel: str, on: date) -> DayClose | None:
    """The close that covers this day: of the area itself or of a larger one."""
    closes = DayClose.objects.filter(channel=channel, on=on)
    if region is None:
        return closes.filter(region=None).first()
    return closes.filter(region__path__in=_paths_above(region)).order_by("region__path").first()


def _paths_above(region: Region) -> list[str]:
    """The paths of an area and of all that contain it."""
    parts = region.path.rstrip("/").split("/")
    return ["/".join(parts[: depth + 1]) + "/" for depth in range(len(parts))]


def _differences(found: DaySheet) -> Iterable[str]:
    """Every reason why the day cannot be closed, in words."""
    if found.ledger_fen != found.paid_fen:
        yield _("The ledger has %(ledger)s, the payments add up to %(paid)s.") % {
            "ledger": format_yuan(found.ledger_fen),
            "paid": format_yuan(found.paid_fen),
        }
    if found.notices_fen != found.settled_fen:
        yield _("The paid notices ask for %(notices)s, the money that settled them is %(settled)s.") % {
            "notices": format_yuan(found.notices_fen),
            "settled": format_yuan(found.settled_fen),
        }
    if (found.receipts, found.receipts_fen) != (found.notices, found.settled_fen):
        yield _("%(receipts)d receipts over %(total)s for %(notices)d paid notices over %(settled)s.") % {
            "receipts": found.receipts,
            "total": format_yuan(found.receipts_fen),
            "notices": found.notices,
            "settled": format_yuan(found.settled_fen),
        }
    if found.unproved:
        yield ngettext(
            "%(count)d payment stands on no statement yet.",
            "%(count)d payments stand on no statement yet.",
            found.unproved,
        ) % {"count": found.unproved}
    if found.differing:
        yield ngettext(
            "%(count)d statement line has another amount than was booked.",
            "%(count)d statement lines have another amount than was booked.",
            found.differing,
        ) % {"count": found.differing}
    if found.proved_fen is None:
        yield _("The cash has not been counted.")
    elif found.proved_fen != found.paid_fen and not found.unproved:
        source = _("The statements say") if found.by_statement else _("Counted were")
        yield _("%(source)s %(proved)s, booked were %(paid)s.") % {
            "source": source,
            "proved": format_yuan(found.proved_fen),
            "paid": format_yuan(found.paid_fen),
        }
    if found.on > calendar.today():
        yield _("This day has not come yet.")


def close_day(
    *,
    region: Region | None,
    channel: str,
    on: date,
    actor: Actor,
    counted_fen: int | None = None,
    at: datetime | None = None,
) -> DayClose:
    """Closes a day that balances; a second call finds it closed. Raises NotBalanced, TooBusy."""
    known = _close_of(region, channel, on)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            _shut_gate()
            found = sheet(region=region, channel=channel, on=on, counted_fen=counted_fen)
            if found.closed is not None:
                return found.closed
            if found.differences:
                raise NotBalanced(found.differences)
            return DayClose.objects.create(
                region=region,
                channel=channel,
                on=on,
                closed_at=at or timezone.now(),
                count=found.payments,
                settled_fen=found.settled_fen,
                waiting_fen=found.waiting_fen,
                counted_fen=found.proved_fen or 0,
                receipts=found.receipts,
                actor_user_id=actor.user_id,
            )
    except IntegrityError:
        known = _close_of(region, channel, on)
        if known is None:
            raise
        return known


def journals_of_day(*, region: Region | None, channel: str, on: date) -> QuerySet[Any]:
    """The journals of new money of this day, channel and area; without an area those of no known place."""
    place = Q(region=None) if region is None else Q(region__in=Region.objects.within_path(region.path))
    return Journal.objects.filter(place, posted=True, kind=JournalKind.PAYMENT, posted_on=on, channel=channel)


def payments_of_day(*, region: Region | None, channel: str, on: date) -> QuerySet[Any]:
    """The payments posted to this day; assigned money came before and is none."""
    posted = journals_of_day(region=region, channel=channel, on=on)
    return Payment.objects.filter(source=None, pk__in=posted.values("payment"))


def is_by_statement(payments: QuerySet[Any], channel: str) -> bool:
    """Whether a bank or platform proves the money of this channel, as opposed to cash that somebody counts."""
    sample = payments.exclude(notice=None).select_related("notice__policy__region").first()
    known = sample.notice.channels if sample is not None else []
    found = next((one for one in known if one.code == channel), None)
    return found is None or found.online or bool(found.bank_code)


def open_days(region: Region | None) -> list[tuple[date, str, int, int]]:
    """Days and channels with money and no close yet, of an area or of no known place: (day, channel, payments, fen),
    the oldest first.
    """
    if region is None:
        place, closes = Q(region=None), DayClose.objects.filter(region=None)
    else:
        place = Q(region__in=Region.objects.within_path(region.path))
        closes = DayClose.objects.filter(region__path__in=_paths_above(region))
    rows = (
        Journal.objects.filter(place, posted=True, kind=JournalKind.PAYMENT)
        .order_by()
        .values_list("posted_on", "channel")
        .annotate(count=Count("payment"), total=Sum("payment__amount_fen"))
    )
    closed = set(closes.values_list("on", "channel"))
    return sorted((on, channel, count, total) for on, channel, count, total in rows if (on, channel) not in closed)


def _shut_gate() -> None:
    """Keeps every booking out until the transaction ends. Asks again and again instead of queueing, because who queues
    for the whole gate holds up those who already hold locks. Raises TooBusy.
    """
    if connection.vendor != "postgresql":
        return
    until = time.monotonic() + WAIT_SECONDS
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [GATE])
            if cursor.fetchone()[0]:
                return
        if time.monotonic() > until:
            raise TooBusy
        time.sleep(PAUSE_SECONDS)
