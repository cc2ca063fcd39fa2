"""Imports statements: checked as a whole first, then booked in chunks, each chunk with its lines in one transaction.

A file is known by its digest and a line by its number, so a second upload, a second worker or a restart after a kill
adds nothing. Money that was reported before (by a callback, at a counter) is matched, never doubled (N6, E7).
"""

import hashlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import booking, bulk_booking, ledger, payouts
from payments.booking import Report
from payments.bulk_booking import Standing
from payments.models import (
    LineOutcome,
    Notice,
    Payment,
    PaymentException,
    PaymentOrder,
    Reason,
    Statement,
    StatementLine,
    StatementState,
)
from payments.statement_formats import StatementFault, StatementRow, detect, parse
from portal import audit, prepared_writes
from portal.crypto import seal_bytes, unseal_bytes
from portal.jobs import services as job_services
from portal.jobs.progress import Progress
from portal.jobs.registry import runner
from portal.people.actors import Actor, Role
from portal.regions.models import Region

JOB = "payments.statement"
CHUNK = 2_000 if connection.vendor == "postgresql" else 1_000
"""Lines that are booked in one transaction: others wait for its receipt counter and, on SQLite, for its one writer."""

LINE_COLUMNS = ("number", "payment_id", "amount_fen", "paid_on", "outcome")
ONLINE = "online"
MAX_BYTES = 32 * 1024 * 1024


class TooLarge(ValueError):
    """The file is larger than the portal takes."""


def receive(content: bytes, *, name: str, region: Region, actor: Actor) -> tuple[Statement, bool]:
    """Takes a file in and starts its import; says whether it is new. The same file again is the first one.

    Raises StatementFault for an empty file and for one in none of the formats, TooLarge.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge
    kind = detect(content)
    digest = hashlib.sha256(content).hexdigest()
    try:
        with transaction.atomic():
            statement = Statement.objects.create(
                format=kind,
                digest=digest,
                name=Path(name).name[-120:],
                region=region,
                office_id=actor.office_id,
                actor_user_id=actor.user_id,
            )
            _write(statement.pk, content)
            job = job_services.start(JOB, owner_id=actor.user_id, params={"statement": str(statement.pk)})
            Statement.objects.filter(pk=statement.pk).update(job_id=job.pk)
            statement.job_id = job.pk
            audit.record("statement.received", actor, subject=statement, details={"format": kind})
    except IntegrityError:
        known = Statement.objects.filter(digest=digest).first()
        if known is None:
            raise
        return known, False
    return statement, True


def _finished(params: dict[str, Any]) -> str:
    return reverse("payments:statement", args=[params["statement"]])


@runner(JOB, label=gettext_lazy("Import of a statement"), finished_url=_finished)
def run(progress: Progress) -> None:
    """Imports one statement as a job: from the first line that is not stored yet."""
    statement = Statement.objects.select_related("region").get(pk=progress.params["statement"])
    if statement.state in (StatementState.DONE, StatementState.REFUSED):
        return
    try:
        rows = parse(_read(statement.pk), statement.format)
    except StatementFault as fault:
        refuse(statement, fault)
        progress.step(0, 0, message=_("The file was refused. Nothing was booked."))
        return
    _announce(statement, rows)
    start = _stored(statement, rows)
    while start < len(rows):
        import_chunk(statement, rows[start : start + CHUNK])
        start = min(start + CHUNK, len(rows))
        progress.step(start, len(rows))
    Statement.objects.filter(pk=statement.pk, state=StatementState.BOOKING).update(
        state=StatementState.DONE, finished_at=timezone.now()
    )


def refuse(statement: Statement, fault: StatementFault) -> None:
    """Notes why and where a file is wrong; nothing of it was booked."""
    Statement.objects.filter(pk=statement.pk, state=StatementState.WAITING).update(
        state=StatementState.REFUSED, fault=fault.fault, fault_line=fault.line or None, finished_at=timezone.now()
    )


def _announce(statement: Statement, rows: Sequence[StatementRow]) -> None:
    days = [row.paid_on for row in rows]
    Statement.objects.filter(pk=statement.pk, state=StatementState.WAITING).update(
        state=StatementState.BOOKING,
        lines=len(rows),
        total_fen=sum(row.amount_fen for row in rows if not row.takes_back),
        first_on=min(days, default=None),
        last_on=max(days, default=None),
    )


def _stored(statement: Statement, rows: Sequence[StatementRow]) -> int:
    """How many rows are in already; lines are stored in order, so the last number says it."""
    last = statement.rows.order_by("-number").values_list("number", flat=True).first()
    return 0 if last is None else next((i for i, row in enumerate(rows) if row.number > last), len(rows))


def import_chunk(statement: Statement, rows: Sequence[StatementRow], at: datetime | None = None) -> None:
    """Books a chunk and stores its lines, all or nothing."""
    at = at or timezone.now()
    actor = Actor(
        Role.CASHIER, user_id=statement.actor_user_id, office_id=statement.office_id, region_path=statement.region.path
    )
    with transaction.atomic():
        ledger.enter_gate()
        known = _known(rows)
        fresh = [row for row in rows if not row.takes_back and row.txn not in known]
        reports, named = _reports(fresh, statement, actor, at)
        booked = dict(zip([row.number for row in fresh], bulk_booking.book_many(reports, named), strict=True))
        lines: list[tuple[Any, ...]] = []
        payment_id: UUID | str
        for row in rows:
            if row.takes_back:
                payment, outcome = _taken_back(row, statement, actor, at)
                payment_id = payment.pk
            elif row.number in booked:
                payment_id, settled = booked[row.number]
                outcome = LineOutcome.BOOKED if settled else LineOutcome.WAITING
            else:
                payment_id = known[row.txn].pk
                outcome = LineOutcome.MATCHED if known[row.txn].amount_fen == row.amount_fen else LineOutcome.DIFFERS
            lines.append((row.number, payment_id, row.amount_fen, row.paid_on, outcome.value))
        prepared_writes.pour(StatementLine, LINE_COLUMNS, lines, same={"statement_id": statement.pk})


def _known(rows: Sequence[StatementRow]) -> dict[str, Payment]:
    """Payments that were booked before for these transactions, by the provider or through the same channel."""
    wanted = {row.txn: row for row in rows}
    found: dict[str, Payment] = {}
    codes: dict[tuple[int, str, str], set[str]] = {}
    for payment in Payment.objects.filter(provider_txn__among=wanted, source=None).select_related("notice"):
        row = wanted[payment.provider_txn]
        if payment.provider == row.provider or (row.bank_code and row.bank_code in _bank_codes(payment, codes)):
            found[row.txn] = payment
    return found


def _bank_codes(payment: Payment, known: dict[tuple[int, str, str], set[str]]) -> set[str]:
    """The bank behind the channel of a payment, whoever reported it; `known` are those of policies read before."""
    notice = payment.notice
    if notice is None:
        return {payment.channel}
    key = (notice.policy_id, notice.kind, payment.channel)
    if key not in known:
        banks = (channel.bank_code for channel in notice.channels if channel.code == payment.channel)
        known[key] = {payment.channel, *banks}
    return known[key]


def _reports(
    rows: Sequence[StatementRow], statement: Statement, actor: Actor, at: datetime
) -> tuple[list[Report], dict[str, Standing]]:
    """What the lines report, and the notices they name by the numbers in the reports."""
    numbers = [booking.written(row.given_number) for row in rows]
    orders = _orders([row.order_number for row in rows if row.order_number])
    numbers = [orders.get(row.order_number, number) for row, number in zip(rows, numbers, strict=True)]
    named = bulk_booking.find_notices(numbers)
    reports = [
        Report(
            provider=row.provider,
            provider_txn=row.txn,
            channel=_channel(row, named.get(number)),
            given_number=number,
            amount_fen=row.amount_fen,
            paid_on=row.paid_on,
            payer=row.payer,
            actor=actor,
            at=at,
            region_id=statement.region_id,
        )
        for row, number in zip(rows, numbers, strict=True)
    ]
    return reports, named


def _orders(numbers: Sequence[str]) -> dict[str, str]:
    """The notice number behind each order of ours."""
    if not numbers:
        return {}
    return dict(PaymentOrder.objects.filter(number__in=numbers).values_list("number", "notice__number"))


def _channel(row: StatementRow, notice: Standing | None) -> str:
    """The channel of the notice that this line came by; its bank's code, or online, where the notice has none."""
    known = notice.channels if notice is not None else []
    if not row.bank_code:
        return next((channel.code for channel in known if channel.online), ONLINE)
    return next((channel.code for channel in known if channel.bank_code == row.bank_code), row.bank_code)


def _taken_back(row: StatementRow, statement: Statement, actor: Actor, at: datetime) -> tuple[Payment, LineOutcome]:
    """A transaction that was reversed: money we know of leaves the books, a refund of ours is paid out, and what
    nobody expected goes to the exceptions desk. The same reversal again changes nothing.
    """
    payment = _known([row]).get(row.txn)
    if payment is None:
        reports, named = _reports([row], statement, actor, at)
        standing = named.get(reports[0].given_number)
        notice = Notice.objects.get(pk=standing.pk) if standing else None
        payment = booking.store_waiting(reports[0], notice, Reason.REVERSED)
        ledger.post_taken_back(payment, amount_fen=row.amount_fen, name=row.refund_number, at=at, actor=actor)
        return payment, LineOutcome.REVERSED
    if ledger.is_taken_back(payment, row.refund_number):
        return payment, LineOutcome.REVERSED
    if payouts.paid_by_statement(
        payment, number=row.refund_number, amount_fen=row.amount_fen, on=row.paid_on, actor=actor, at=at
    ):
        return payment, LineOutcome.REVERSED
    if row.amount_fen > payment.amount_fen:
        return payment, LineOutcome.DIFFERS
    if ledger.post_taken_back(payment, amount_fen=row.amount_fen, name=row.refund_number, at=at, actor=actor):
        _show(payment, actor, at)
    return payment, LineOutcome.REVERSED


def _show(payment: Payment, actor: Actor, at: datetime) -> None:
    """Shows money that was taken back to the exceptions desk, once: the notices it has settled are paid no more.

    Money that settled nothing and has gone whole waits for nothing any more.
    """
    rest = ledger.lies_fen(payment)
    # Money that a cashier had assigned has settled another notice than the one it was paid for.
    for settled in [one for one in (payment, *payment.assigned.select_related("notice")) if one.settled]:
        _shown, is_new = PaymentException.objects.get_or_create(
            payment=settled, defaults={"reason": Reason.REVERSED, "opened_at": at}
        )
        if not is_new:
            PaymentException.objects.filter(payment=settled).update(resolved_at=None)
        if rest and settled.notice is not None and not settled.notice.members.exists():
            ledger.post_handed_over(settled, Reason.REVERSED, at=at, actor=actor)
    if not rest:
        gone = PaymentException.objects.filter(payment=payment, payment__outcome="exception", resolved_at=None)
        gone.update(resolved_at=at)


def totals(statement: Statement) -> dict[str, tuple[int, int]]:
    """Count and sum of the stored lines by outcome."""
    rows = statement.rows.order_by().values_list("outcome").annotate(count=Count("pk"), total=Sum("amount_fen"))
    return {outcome: (count, int(total)) for outcome, count, total in rows}


def _folder() -> Path:
    return Path(settings.VAR_DIR) / "private" / "statements"


def file_of(pk: UUID) -> Path:
    """Where the sealed file of a statement lies."""
    return _folder() / f"{pk}.sealed"


def _write(pk: UUID, content: bytes) -> None:
    """Seals the file, which names payers, and stores it whole or not at all."""
    _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    path = file_of(pk)
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(seal_bytes(content, aad=f"payments.statement:{pk}"))
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _read(pk: UUID) -> bytes:
    return unseal_bytes(file_of(pk).read_bytes(), aad=f"payments.statement:{pk}")
