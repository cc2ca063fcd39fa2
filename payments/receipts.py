"""Receipts: one for every settled notice, numbered without a gap per issuer and year (N9, E9).

    receipt_of(payment)                      the receipt that stands for a payment, or None
    receipts_of(payment)                     all of them: a collective payment has one per member
    issue_receipt(notice, payment, actor)    the same receipt however often it is asked for
    print_of(receipt, form, actor)           counts a printing; the paper of every later one is marked as a copy

Receipts are issued by a reaction on `settle`, in the transaction of the booking. The serial comes from a counter row
that stays locked until that transaction ends, so a booking that is undone leaves no gap. Notices are locked before
counters, always.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from payments.models import Notice, Payment, Receipt, ReceiptPrint, ReceiptSeries, ReceiptVoid
from payments.moved import notices_of, wholes_of
from portal import prepared_writes
from portal.documents import records
from portal.documents.models import PaperRecord, PaperState
from portal.people.actors import SYSTEM, Actor
from portal.regions import calendar
from portal.workflow.core import Batch
from portal.workflow.lookups import plain, written_out

SUBJECT_KIND = "payments.receipt"
CLASS_AND_KIND = {"nontax": "0102", "premium": "0391"}
"""The middle of a receipt code: class and kind of the receipt (DOMAIN §7)."""

SERIAL_DIGITS = 6
COLUMNS = ("id", "serial", "number", "notice_id", "payment_id", "turn", "reverses_id", "amount_fen")
MAX_PRINT_CONTENDERS = 20


class NotIssuable(Exception):
    """The notice has no standing receipt to void, or was never settled."""


def receipt_of(payment: Payment) -> Receipt | None:
    """The receipt that stands for this payment; None for money that waits, for a collective payment and after a
    refund.
    """
    if not payment.settled:
        return None
    return Receipt.objects.standing().filter(notice=payment.notice_id).first()


def receipts_of(payment: Payment) -> list[Receipt]:
    """Every receipt that stands for this payment, one per member where it paid a collective notice."""
    return list(Receipt.objects.standing().filter(payment=payment).select_related("notice").order_by("serial"))


def standing_receipt(notice: Notice) -> Receipt | None:
    """The receipt that proves today that this notice is paid."""
    return Receipt.objects.standing().filter(notice=notice).first()


def issue_receipt(
    notice: Notice, payment: Payment, *, actor: Actor = SYSTEM, at: datetime | None = None
) -> Receipt | None:
    """The receipt for a settled notice, made on the first call; None after a refund."""
    with transaction.atomic():
        issue_many([(notice, payment)], actor=actor, at=at or timezone.now())
    return standing_receipt(notice)


def issue_many(pairs: Sequence[tuple[Notice, Payment]], *, actor: Actor, at: datetime) -> None:
    """Issues the receipts of notices that have none yet, with one look at the counter per issuer."""
    pks = [notice.pk for notice, _payment in pairs]
    has_one = set(Receipt.objects.filter(notice__pk__among=pks).values_list("notice", flat=True))
    wanted = [_due(notice, payment) for notice, payment in pairs if notice.pk not in has_one]
    _make(wanted, actor=actor, at=at)


def on_settled(batch: Batch) -> None:
    """Issues the receipts of the notices that were just paid; a collective notice has none of its own."""
    has_one = Receipt.objects.filter(notice__pk__among=batch.keys).order_by()
    left_out = {*map(str, wholes_of(batch)), *map(str, has_one.values_list("notice", flat=True))}
    notices = [one for one in notices_of(batch) if written_out(one.pk) not in left_out]
    settled = _settlements([one.pk for one in notices], {one.collective_id for one in notices if one.collective_id})
    wanted = []
    for one in notices:
        payment = settled.get(one.pk) or (settled.get(plain(one.collective_id)) if one.collective_id else None)
        if payment is not None:
            wanted.append(
                _Due(notice=one.pk, kind=one.kind, county=one.county, amount_fen=one.amount_fen, payment=payment)
            )
    _make(wanted, actor=SYSTEM, at=batch.at)


def on_refunded(batch: Batch) -> None:
    """Reverses the receipts of refunded notices by receipts of their own; the first ones are never edited."""
    standing = Receipt.objects.standing().filter(notice__in=batch.pks).select_related("notice__region", "payment")
    receipts = list(standing.order_by("pk"))
    rows = [_due(one.notice, one.payment, turn=one.turn, reverses=one.pk) for one in receipts]
    _make(rows, actor=batch.actor, at=batch.at)
    _mark(receipts, PaperState.VOID)


def void_receipt(receipt: Receipt, *, reason: str, actor: Actor, at: datetime | None = None) -> Receipt:
    """Makes a receipt void, which keeps its number, and issues another one for the same money.

    Raises NotIssuable for a receipt that no longer stands.
    """
    at = at or timezone.now()
    try:
        with transaction.atomic():
            standing = Receipt.objects.standing().select_related("notice__region", "payment").filter(pk=receipt.pk)
            found = standing.first()
            if found is None:
                raise NotIssuable
            ReceiptVoid.objects.create(receipt=found, reason=reason, at=at, actor_user_id=actor.user_id)
            _mark([found], PaperState.VOID)
            made = _make([_due(found.notice, found.payment, turn=found.turn + 1)], actor=actor, at=at)
            return Receipt.objects.get(pk=made[0])
    except IntegrityError as error:
        raise NotIssuable from error


def print_of(receipt: Receipt, form: str, actor: Actor) -> ReceiptPrint:
    """Counts one printing and returns it; number 1 is the original."""
    for _try in range(MAX_PRINT_CONTENDERS):
        try:
            with transaction.atomic():
                return ReceiptPrint.objects.create(
                    receipt=receipt,
                    number=receipt.prints.count() + 1,
                    form=form,
                    actor_role=str(actor.role),
                    actor_user_id=actor.user_id,
                )
        except IntegrityError:
            continue  # another printing got this number
    raise NotIssuable


def issuer_of(notice: Notice) -> str:
    """Who issues receipts of this kind in the county of the notice; each has a series of its own."""
    return f"{notice.kind}:{_county(notice.region.code)}"


def take_serials(issuer: str, year: int, count: int) -> range:
    """The next serials of an issuer; its counter stays locked until the transaction ends, so that none is lost."""
    series, _created = ReceiptSeries.objects.get_or_create(issuer=issuer, year=year)
    ReceiptSeries.objects.filter(pk=series.pk).update(last=F("last") + count)
    last = ReceiptSeries.objects.values_list("last", flat=True).get(pk=series.pk)
    return range(last - count + 1, last + 1)


@dataclass(slots=True, kw_only=True)
class _Due:
    """A receipt to be made: for which notice and money, as which turn, and which receipt it reverses."""

    notice: UUID | str
    kind: str
    county: str
    amount_fen: int
    payment: UUID | str
    turn: int = 1
    reverses: UUID | None = None


def _due(notice: Notice, payment: Payment, *, turn: int = 1, reverses: UUID | None = None) -> _Due:
    return _Due(
        notice=notice.pk,
        kind=notice.kind,
        county=_county(notice.region.code),
        amount_fen=notice.amount_fen,
        payment=payment.pk,
        turn=turn,
        reverses=reverses,
    )


def _make(rows: Iterable[_Due], *, actor: Actor, at: datetime) -> list[str]:
    """Receipts with their numbers, the counters taken in one fixed order; the keys of the receipts."""
    on = calendar.local_date(at)
    by_issuer: dict[str, list[_Due]] = defaultdict(list)
    for row in rows:
        by_issuer[f"{row.kind}:{row.county}"].append(row)
    made: list[str] = []
    told = {"issued_at": at, "issued_on": on, "actor_role": str(actor.role), "actor_user_id": actor.user_id}
    for issuer in sorted(by_issuer):
        mine = by_issuer[issuer]
        kind, county = mine[0].kind, mine[0].county
        code = f"{county[:2]}{CLASS_AND_KIND[kind]}{on.year % 100:02d}"
        keys = prepared_writes.new_keys(len(mine))
        serials = take_serials(issuer, on.year, len(mine))
        prepared_writes.pour(
            Receipt,
            COLUMNS,
            [
                (
                    *(key, serial, f"{county[2:]}{serial:0{SERIAL_DIGITS}d}"),
                    *(row.notice, row.payment, row.turn, row.reverses, row.amount_fen),
                )
                for key, serial, row in zip(keys, serials, mine, strict=True)
            ],
            same={"kind": kind, "issuer": issuer, "year": on.year, "code": code, **told},
        )
        made += keys
    return made


def _settlements(notices: Sequence[str], wholes: set[UUID]) -> dict[str, str]:
    """The money that settled each of these notices and collective notices, by notice; keys as the database has them."""
    settled = Payment.objects.filter(outcome=Payment.Outcome.SETTLED, notice__pk__among=[*notices, *wholes])
    keys = Cast("notice_id", TextField()), Cast("pk", TextField())
    return dict(settled.order_by().values_list(*keys))


def _county(code: str) -> str:
    return f"{code[:6]:0>6}"


def _mark(receipts: Iterable[Receipt], state: str) -> None:
    """Who scans the paper of a receipt that no longer stands learns so."""
    papers = PaperRecord.objects.filter(
        subject_kind=SUBJECT_KIND, subject_id__in=[str(receipt.pk) for receipt in receipts], state=PaperState.VALID
    )
    papers.update(state=state, state_since=timezone.now())


def record_of(receipt: Receipt) -> PaperRecord:
    """The record by which anybody can check the paper (N4)."""
    made = records.issue_record(kind=f"{receipt.kind}_receipt", subject_kind=SUBJECT_KIND, subject_id=receipt.pk)
    if (receipt.is_void or receipt.is_reversed) and made.state == PaperState.VALID:
        _mark([receipt], PaperState.VOID)
    return made
