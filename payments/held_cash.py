"""Cash in an agent's hands: taken against a slip, remitted to a cashier who counts it, and only then booked (G4).

The portal never believes that cash has arrived before somebody else has counted it. Until then the notice stays unpaid,
the resident's page says who holds the money, and after the last day the cashier and the county see it as late.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, Min, Sum
from django.utils import timezone

from payments import ledger
from payments.booking import book_payment
from payments.models import HeldCash, HeldCashEnd, Notice, Remittance
from payments.numbers import check_digits
from payments.states import State
from portal import audit
from portal.design.text import format_day, format_yuan
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people.actors import Actor, Role
from portal.people.models import Resident, User
from portal.regions import calendar
from portal.regions.models import OfficeKind

SERIES = "4"
PROVIDER = ledger.HELD_PREFIX
DAYS_SETTING, DEFAULT_DAYS = "cash.remit_days", 3
MOST_ROWS = 500
"""So many sums are counted in one go."""


class CashRefused(Exception):
    """No cash may be taken for this notice; `code` is one of `REASONS`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RemittanceRefused(Exception):
    """The cash is not booked: it differs from the list, or the list has changed; `rows` are those it is about."""

    def __init__(self, code: str, rows: Sequence[HeldCash], listed_fen: int = 0, counted_fen: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.rows = rows
        self.listed_fen = listed_fen
        self.counted_fen = counted_fen

    @property
    def difference_fen(self) -> int:
        """What is missing, or what is too much, in fen and without a sign."""
        return abs(self.listed_fen - self.counted_fen)


@dataclass(frozen=True)
class AgentSum:
    """What one agent holds."""

    agent: User
    count: int
    sum_fen: int
    oldest_on: date
    remit_by: date
    late: bool


def channel_of(notice: Notice) -> str:
    """The code of the notice's channel through village committees, or an empty text where the region has none."""
    committees = (
        channel.code
        for channel in notice.channels
        if channel.office_kind == OfficeKind.VILLAGE_COMMITTEE and not channel.online
    )
    return next(committees, "")


def refusal(notice: Notice) -> str:
    """Why no cash may be taken for a notice now, as a code; empty when it may."""
    if notice.state != State.ISSUED:
        return "not_open"
    if notice.members.exists():
        return "collective"
    if calendar.today() > notice.due_on:
        return "late"
    if not channel_of(notice):
        return "no_channel"
    if notice.held_cash.filter(end=None).exists():
        return "held"
    return ""


def take(*, notice: Notice, actor: Actor, amount_fen: int) -> HeldCash:
    """Records cash that an agent has taken for a notice, exactly its amount, today.

    Raises PermissionDenied for anybody but an agent who may see the notice, and CashRefused.
    """
    if actor.role != Role.COMMITTEE_AGENT or actor.user_id is None:
        raise PermissionDenied
    if not Notice.objects.visible_to(actor).filter(pk=notice.pk).exists():
        raise PermissionDenied
    if code := refusal(notice):
        raise CashRefused(code)
    if amount_fen != notice.amount_fen:
        raise CashRefused("amount")
    at = timezone.now()
    today = calendar.local_date(at)
    days = int(notice.policy.policy.setting(DAYS_SETTING, DEFAULT_DAYS))
    before = notice.held_cash.aggregate(last=Max("turn"))["last"] or 0
    held = HeldCash(
        number=_free_number(today.year),
        notice=notice,
        turn=before + 1,
        amount_fen=amount_fen,
        channel=channel_of(notice),
        taken_at=at,
        taken_on=today,
        remit_by=calendar.add_workdays(today, days, notice.region).date,
        taken_by_id=actor.user_id,
        office_id=actor.office_id,
        region=notice.region,
    )
    try:
        with transaction.atomic():
            held.save(force_insert=True)
            audit.record("payments.cash_taken", actor, subject=held)
    except IntegrityError:
        # Another agent, or the same click twice, was first.
        raise CashRefused("held") from None
    return held


def give_back(*, held: HeldCash, actor: Actor, reason: str) -> HeldCashEnd:
    """Records that the agent gave the money back to the resident; a second time finds the first.

    Raises PermissionDenied for anybody but the agent who took it, CashRefused for a sum that was remitted.
    """
    if actor.role != Role.COMMITTEE_AGENT or actor.user_id != held.taken_by_id:
        raise PermissionDenied
    try:
        with transaction.atomic():
            end = HeldCashEnd.objects.create(
                held=held, how=HeldCashEnd.How.RETURNED, actor_user_id=actor.user_id, reason=reason[:200]
            )
            audit.record("payments.cash_returned", actor, subject=held)
    except IntegrityError:
        known: HeldCashEnd = HeldCashEnd.objects.get(held=held)
        if known.how != HeldCashEnd.How.RETURNED:
            raise CashRefused("remitted") from None
        return known
    return end


def remit(*, agent_id: int, held_ids: Sequence[UUID], counted_fen: int, actor: Actor) -> Remittance:
    """Books the sums of a list once a cashier has counted exactly their total; each is paid on the day it was taken.

    Everything or nothing is booked. Raises PermissionDenied, and RemittanceRefused with the rows it is about: some are
    no longer open, or the cash differs from the list.
    """
    if actor.role != Role.CASHIER or actor.user_id is None or actor.user_id == agent_id:
        raise PermissionDenied
    at = timezone.now()
    with transaction.atomic():
        chosen = HeldCash.objects.visible_to(actor).filter(pk__in=list(held_ids), taken_by=agent_id)
        rows = list(chosen.select_for_update(of=("self",)).select_related("notice").order_by("taken_at", "pk"))
        gone = [row for row in rows if HeldCashEnd.objects.filter(held=row).exists()]
        if gone or not rows or len(rows) != len(set(held_ids)) or len(rows) > MOST_ROWS:
            raise RemittanceRefused("changed", gone)
        listed = sum(row.amount_fen for row in rows)
        if listed != counted_fen:
            missing = listed - counted_fen
            exact = [row for row in rows if row.amount_fen == missing]
            raise RemittanceRefused("differs", exact or rows, listed, counted_fen)
        remittance = Remittance.objects.create(
            agent_id=agent_id,
            cashier_id=actor.user_id,
            office_id=actor.office_id,
            counted_fen=counted_fen,
            listed_fen=listed,
            counted_at=at,
        )
        for row in rows:
            _book(row, remittance, actor, actor.user_id)
        for channel, region_id in {(row.channel, row.region_id) for row in rows}:
            ledger.post_remitted(
                key=f"remitted:{remittance.pk}:{channel}:{region_id}",
                channel=channel,
                amount_fen=sum(row.amount_fen for row in rows if (row.channel, row.region_id) == (channel, region_id)),
                region_id=region_id,
                at=at,
                actor=actor,
            )
        audit.record("payments.cash_remitted", actor, subject=remittance, details={"rows": len(rows)})
    return remittance


def sums_of_agents(actor: Actor) -> list[AgentSum]:
    """What the agents of the actor's area hold, the latest first."""
    open_rows = HeldCash.objects.visible_to(actor).open().order_by()
    found = open_rows.values("taken_by").annotate(
        count=Count("pk"), total=Sum("amount_fen"), oldest=Min("taken_on"), until=Min("remit_by")
    )
    agents = User.objects.in_bulk([row["taken_by"] for row in found])
    today = calendar.today()
    sums = [
        AgentSum(agents[row["taken_by"]], row["count"], row["total"], row["oldest"], row["until"], row["until"] < today)
        for row in found
    ]
    return sorted(sums, key=lambda one: (one.remit_by, one.agent.pk))


def remind_late() -> int:
    """Reminds every agent once a day of cash that should have been remitted; returns how many have some.

    An agent is reached as the resident they are at home; one without is shown to cashier and county all the same.
    """
    today = calendar.today()
    late = HeldCash.objects.all().overdue(today).order_by()
    found = late.values("taken_by", own_index=F("taken_by__own_id_index")).annotate(
        count=Count("pk"), total=Sum("amount_fen"), until=Min("remit_by")
    )
    rows = list(found)
    indexes = [row["own_index"] for row in rows if row["own_index"]]
    homes = {row.id_index: row for row in Resident.objects.filter(id_index__in=indexes).exclude(phone_index="")}
    drafts = [_reminder(row, homes[row["own_index"]], today) for row in rows if row["own_index"] in homes]
    enqueue_many(drafts)
    return len(rows)


def _reminder(row: dict[str, Any], reader: Resident, today: date) -> MessageDraft:
    params = {"amount": format_yuan(row["total"]), "count": row["count"], "until": format_day(row["until"])}
    return MessageDraft(
        key=f"payments.held_late:{row['taken_by']}:{today.isoformat()}",
        template="payments_held_late",
        resident_id=reader.pk,
        params=params,
        language=reader.language,
    )


def _book(held: HeldCash, remittance: Remittance, actor: Actor, cashier_id: int) -> None:
    payment = book_payment(
        channel=held.channel,
        provider=PROVIDER,
        provider_txn=str(held.pk),
        amount_fen=held.amount_fen,
        paid_on=held.taken_on,
        actor=actor,
        notice_number=held.notice.number,
        payer=held.notice.payer_name,
    )
    HeldCashEnd.objects.create(
        held=held,
        how=HeldCashEnd.How.REMITTED,
        at=remittance.counted_at,
        actor_user_id=cashier_id,
        remittance=remittance,
        payment=payment,
    )


def _free_number(year: int) -> str:
    """A slip number: series, year, eleven random digits, two check digits; the database keeps it unique."""
    while True:
        payload = f"{SERIES}{year % 100:02d}{secrets.randbelow(10**11):011d}"
        number = payload + check_digits(payload)
        if not HeldCash.objects.filter(number=number).exists():
            return number
