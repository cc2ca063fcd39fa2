"""Books many reports at once by the same rules as `booking.book_payment`: same judge, same rows, few statements.

What is not plain (a replaced or collective notice, a second line for one notice) goes through `booking.book` itself,
and so does a whole chunk when another process moved one of its notices meanwhile.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from payments import booking, ledger, membership
from payments.booking import Report
from payments.models import Notice, Payment, PaymentException
from payments.numbers import InvalidNumber, parse_number
from portal.people.actors import Actor
from portal.regions.models import PolicySnapshot
from portal.regions.policy_values import Channel


class _Disturbed(Exception):
    """Another process moved a notice of the chunk; the chunk is booked one by one."""


def book_many(reports: Sequence[Report], named: Mapping[str, Notice] | None = None) -> list[Payment]:
    """The payment of each report, in their order; reports of one chunk have different transactions.

    `named` are the notices by the numbers given, for callers that have looked already. Runs in the caller's
    transaction. Raises booking.TransactionReused.
    """
    if named is None:
        named = find_notices([report.given_number for report in reports])
    wholes = set(
        Notice.objects.filter(collective__pk__among=[notice.pk for notice in named.values()])
        .order_by()
        .values_list("collective", flat=True)
    )
    plain: list[tuple[int, Report, Notice | None]] = []
    taken: set[Any] = set()
    for place, report in enumerate(reports):
        notice = named.get(report.given_number)
        if notice is not None:
            if notice.superseded_by_id or notice.pk in wholes or notice.pk in taken:
                continue
            taken.add(notice.pk)
        plain.append((place, report, notice))
    done: dict[int, Payment] = {}
    try:
        with transaction.atomic():
            done = _book_plain(plain)
    except (_Disturbed, IntegrityError):
        done = {}
    return [done[place] if place in done else booking.book(report) for place, report in enumerate(reports)]


def find_notices(numbers: Sequence[str]) -> dict[str, Notice]:
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
    rows = list(Notice.objects.filter(Q(number__in=short) | Q(pay_code__in=long)).defer("title", "lines_data"))
    _share_policies(rows)
    found = {row.number: row for row in rows if row.number in short}
    return found | {row.pay_code: row for row in rows if row.pay_code in long}


def _share_policies(notices: Sequence[Notice]) -> None:
    """Gives the notices of one policy the same policy object and channel list: reading it a thousand times is slow."""
    policies = PolicySnapshot.objects.select_related("region").in_bulk({notice.policy_id for notice in notices})
    channels: dict[tuple[Any, str], list[Channel]] = {}
    for notice in notices:
        notice.policy = policies[notice.policy_id]
        key = (notice.policy_id, notice.kind)
        if key not in channels:
            channels[key] = notice.channels
        notice.__dict__["channels"] = channels[key]


def _book_plain(plain: Sequence[tuple[int, Report, Notice | None]]) -> dict[int, Payment]:
    """Judges and books a chunk; the UPDATE of the notices is the judge over our own judgement."""
    pks = [notice.pk for _place, _report, notice in plain if notice is not None]
    membership.hold(pks)
    held = Notice.objects.filter(pk__among=pks).order_by("pk").select_for_update(no_key=True)
    fresh = {pk: (state, newer) for pk, state, newer in held.values_list("pk", "state", "superseded_by")}
    payments: dict[int, Payment] = {}
    reasons: dict[int, str] = {}
    settling: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    firsts: Mapping[tuple[Any, ...], Report] = {}
    for place, report, notice in plain:
        reason = judged(notice, fresh, report)
        payments[place] = report.payment(notice, reason)
        reasons[place] = reason
        if not reason and notice is not None:
            key = (report.paid_on, report.channel, report.provider, report.at)
            settling[key].append(notice.pk)
            firsts = {**firsts, key: report} if key not in firsts else firsts
    Payment.objects.bulk_create(payments.values(), batch_size=1_000)
    PaymentException.objects.bulk_create(
        [
            PaymentException(payment=payment, reason=reasons[place], opened_at=payment.booked_at)
            for place, payment in payments.items()
            if reasons[place]
        ],
        batch_size=1_000,
    )
    _post(plain, payments, reasons)
    for key, chosen in settling.items():
        if booking.settle(chosen, firsts[key]) != len(chosen):
            raise _Disturbed
    return payments


def judged(notice: Notice | None, fresh: Mapping[Any, tuple[str, Any]], report: Report) -> str:
    """The judgement of `booking.judge` over the notice as it stands under the lock."""
    if notice is not None:
        notice.state, newer = fresh[notice.pk]
        if newer is not None:
            raise _Disturbed
    return booking.judge(notice, channel=report.channel, amount_fen=report.amount_fen, paid_on=report.paid_on)


def _post(
    plain: Sequence[tuple[int, Report, Notice | None]], payments: Mapping[int, Payment], reasons: Mapping[int, str]
) -> None:
    """The journals of a chunk, in one go per actor and moment."""
    drafts: dict[tuple[Actor, Any], list[ledger.JournalDraft]] = defaultdict(list)
    for place, report, notice in plain:
        shares: list[tuple[UUID, str, int]] = []
        if notice is not None and not reasons[place]:
            shares = [(notice.pk, notice.kind, notice.amount_fen)]
        drafts[report.actor, report.at].append(ledger.payment_draft(payments[place], reasons[place], shares))
    for (actor, at), listed in drafts.items():
        ledger.post(listed, at=at, actor=actor)
