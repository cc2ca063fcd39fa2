"""Books many reports at once by the same rules as `booking.book_payment`: same judge, same rows, few statements.

Notices are read as the few facts that a judgement needs, and payments, journals and entries are poured in as plain rows
(COPY on PostgreSQL). The move of the notices is the workflow's own, with every reaction. What is not plain (a replaced
or collective notice with whatever it touches, a second line for one notice) goes through `booking.book` itself, in the
order of the reports, and so does a whole chunk when another process moved one of its notices meanwhile.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from payments import booking, ledger, membership
from payments.booking import Report
from payments.ledger import Money
from payments.models import Notice, Payment, PaymentException
from payments.numbers import InvalidNumber, parse_number
from portal import prepared_writes
from portal.people.actors import Actor
from portal.regions.models import PolicySnapshot
from portal.regions.policy_values import Channel
from portal.workflow.lookups import Keys

READ = (
    *("number", "pay_code", "kind", "state", "superseded_by", "amount_fen", "due_on"),
    *("region", "policy"),
)
PAYMENT_COLUMNS = (
    *("id", "provider", "provider_txn", "channel", "given_number", "notice_id", "amount_fen", "paid_on", "payer"),
    *("region_id", "outcome", "source_id"),
)
SETTLED, WAITING = str(Payment.Outcome.SETTLED), str(Payment.Outcome.EXCEPTION)


class _Disturbed(Exception):
    """Another process moved a notice of the chunk; the chunk is booked one by one."""


@dataclass(slots=True)
class Standing:
    """What judging and booking look at of a notice; its key is text, as the database gave it."""

    pk: str
    number: str
    pay_code: str
    kind: str
    state: str
    superseded_by_id: UUID | None
    amount_fen: int
    due_on: date
    region_id: int
    policy_id: int
    channels: Sequence[Channel] = ()


class Booked(NamedTuple):
    """The payment that stands for a report: its key, and whether the money settled a notice."""

    pk: UUID | str
    settled: bool


def book_many(reports: Sequence[Report], named: Mapping[str, Standing] | None = None) -> list[Booked]:
    """The payment of each report, in their order; reports of one chunk have different transactions.

    `named` are the notices by the numbers given, for callers that have looked already. Runs in the caller's
    transaction. Raises booking.TransactionReused.
    """
    if named is None:
        named = find_notices([report.given_number for report in reports])
    tangled = _tangled(named.values())
    plain: list[tuple[int, Report, Standing | None]] = []
    taken: set[str] = set()
    for place, report in enumerate(reports):
        notice = named.get(report.given_number)
        if notice is not None:
            if notice.superseded_by_id or notice.pk in tangled or notice.pk in taken:
                continue
            taken.add(notice.pk)
        plain.append((place, report, notice))
    done: dict[int, Booked] = {}
    try:
        with transaction.atomic():
            done = _book_plain(plain)
    except (_Disturbed, IntegrityError):
        done = {}
    return [done[place] if place in done else _single(report) for place, report in enumerate(reports)]


def _tangled(named: Iterable[Standing]) -> set[str]:
    """Notices that lines of a chunk may settle under another number: collective ones with their members, and what
    stands at the end of a chain of replacements. Their lines are booked in the order of the file.
    """
    notices = list(named)
    ends = {notice.superseded_by_id for notice in notices if notice.superseded_by_id}
    found: set[UUID] = set(ends)
    for _step in range(booking.LONGEST_CHAIN):
        if not ends:
            break
        newer = Notice.objects.filter(pk__among=ends, superseded_by__isnull=False).order_by()
        ends = set(newer.values_list("superseded_by", flat=True)) - found
        found |= ends
    keys = [*(notice.pk for notice in notices), *found]
    members = Notice.objects.filter(collective__pk__among=keys).order_by().values_list("pk", "collective")
    tangled = found.union(*members)
    return {notice.pk for notice in notices if UUID(notice.pk) in tangled} if tangled else set()


def _single(report: Report) -> Booked:
    payment = booking.book(report)
    return Booked(payment.pk, payment.settled)


def find_notices(numbers: Sequence[str]) -> dict[str, Standing]:
    """The notices with these notice numbers and pay codes, by the number as given."""
    short: set[str] = set()
    long: set[str] = set()
    for number in set(numbers):
        try:
            typed = parse_number(number)
        except InvalidNumber:
            continue
        (long if typed.is_pay_code else short).add(typed.digits)
    if not short and not long:
        return {}
    wanted = Q(number__among=short) if short else Q()
    wanted |= Q(pay_code__among=long) if long else Q()
    chosen = Notice.objects.filter(wanted).order_by()
    rows = [Standing(*row) for row in chosen.values_list(Cast("pk", TextField()), *READ)]
    _give_channels(rows)
    found = {row.number: row for row in rows if row.number in short}
    return found | {row.pay_code: row for row in rows if row.pay_code in long}


def _give_channels(notices: Sequence[Standing]) -> None:
    """Gives the notices of one policy the same list of channels: reading it a thousand times is slow."""
    policies = PolicySnapshot.objects.read({notice.policy_id for notice in notices})
    channels: dict[tuple[int, str], Sequence[Channel]] = {}
    for notice in notices:
        key = (notice.policy_id, notice.kind)
        if key not in channels:
            channels[key] = policies[notice.policy_id].policy.channels(notice.kind)
        notice.channels = channels[key]


def _book_plain(plain: Sequence[tuple[int, Report, Standing | None]]) -> dict[int, Booked]:
    """Judges and books a chunk; the UPDATE of the notices is the judge over our own judgement."""
    pks = Keys(notice.pk for _place, _report, notice in plain if notice is not None)
    membership.hold(pks)
    held = Notice.objects.filter(pk__among=pks).order_by("pk").select_for_update(no_key=True)
    standing = held.values_list(Cast("pk", TextField()), "state", "superseded_by")
    fresh = {pk: (state, newer) for pk, state, newer in standing}
    done: dict[int, Booked] = {}
    rows: dict[tuple[Actor, Any], list[tuple[Any, ...]]] = defaultdict(list)
    waiting: list[tuple[Any, ...]] = []
    drafts: dict[tuple[Actor, Any], list[ledger.JournalDraft]] = defaultdict(list)
    settling: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    firsts: dict[tuple[Any, ...], Report] = {}
    for (place, report, notice), pk in zip(plain, prepared_writes.new_keys(len(plain)), strict=True):
        reason = judged(notice, fresh, report)
        money = _money(pk, report, notice)
        done[place] = Booked(pk, not reason)
        rows[report.actor, report.at].append(_row(money, report, WAITING if reason else SETTLED))
        shares = [(notice.pk, notice.kind, notice.amount_fen)] if notice is not None and not reason else []
        drafts[report.actor, report.at].append(ledger.payment_draft(money, reason, shares))
        if reason:
            waiting.append((money.pk, reason, report.at))
        elif notice is not None:
            key = (report.paid_on, report.channel, report.provider, report.at)
            settling[key].append(notice.pk)
            firsts.setdefault(key, report)
    for (actor, at), listed in rows.items():
        told = {"actor_role": str(actor.role), "actor_user_id": actor.user_id, "actor_office_id": actor.office_id}
        prepared_writes.pour(Payment, PAYMENT_COLUMNS, listed, same={"booked_at": at, **told})
    if waiting:
        prepared_writes.pour(PaymentException, ("payment_id", "reason", "opened_at"), waiting)
    for (actor, at), journals in drafts.items():
        ledger.post(journals, at=at, actor=actor, are_new=True)
    for key, chosen in settling.items():
        if booking.settle(chosen, firsts[key]) != len(chosen):
            raise _Disturbed
    return done


def judged(notice: Standing | None, fresh: Mapping[str, tuple[str, Any]], report: Report) -> str:
    """The judgement of `booking.judge` over the notice as it stands under the lock."""
    if notice is not None:
        notice.state, newer = fresh[notice.pk]
        if newer is not None:
            raise _Disturbed
    return booking.judge(notice, channel=report.channel, amount_fen=report.amount_fen, paid_on=report.paid_on)


def _money(pk: str, report: Report, notice: Standing | None) -> Money:
    return Money(
        pk=pk,
        provider=report.provider,
        channel=report.channel,
        amount_fen=report.amount_fen,
        paid_on=report.paid_on,
        booked_at=report.at,
        notice_id=notice.pk if notice else None,
        region_id=notice.region_id if notice else report.region_id,
        source_id=report.source_id,
    )


def _row(money: Money, report: Report, outcome: str) -> tuple[Any, ...]:
    """The payment that `Report.payment` would make, in the order of PAYMENT_COLUMNS."""
    return (
        *(money.pk, money.provider, report.provider_txn, money.channel, report.given_number, money.notice_id),
        *(money.amount_fen, money.paid_on, report.payer, money.region_id, outcome, money.source_id),
    )
