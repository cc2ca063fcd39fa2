"""The one way into the ledger: balanced journals, dated to an open day, written with the fact they record (N8).

What happens to money, and what the books say (debit first):

    money settles a notice            bank / channel         collected / kind
    money that nobody can place       bank / channel         suspense / reason
    a paid notice is not wanted       collected / kind       suspense / reason
    a cashier assigns it              suspense               collected / kind of the notice
    a refund is confirmed             collected or suspense  refunds / channel
    the refund is paid out            refunds / channel      bank / channel
    the bank takes money back         collected or suspense  bank / channel
    cash is taken, later remitted     cash held / office     as above, then bank against cash held

Nothing is posted when a notice is issued: the books of collected public money begin with the money.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, Sum

from payments.models import Account, DayClose, Entry, Journal, JournalKind, Notice, Payment
from portal import prepared_writes
from portal.people.actors import SYSTEM, Actor
from portal.prepared_writes import reserve
from portal.regions import calendar
from portal.regions.models import Region
from portal.regions.models.places import covers
from portal.workflow.lookups import written_out

JOURNAL_COLUMNS = ("id", "key", "kind", "posted_on", "channel", "region_id", "payment_id")
_NAMES = {str(name): str(name) for name in (*Account.values, *JournalKind.values)}
"""Accounts and kinds as plain words, found by their choices."""

ENTRY_COLUMNS = ("journal_id", "account", "sub", "notice_id", "amount_fen")

GATE = 0x626F6F6B73
"""Key of the lock between posting (shared) and closing a day (alone)."""

MAX_CLOSED_DAYS = 400

HELD_PREFIX = "held-cash"
"""Providers whose money is cash in somebody's hands until it is remitted (G4)."""

ASSIGNED = "assigned"
"""The part of suspense that money passes through on its way to the notice it is assigned to."""


class Unbalanced(ValueError):
    """The entries of a journal do not sum to zero; nothing was posted."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry to be written: debit above zero, credit below, in fen."""

    account: str
    sub: str
    amount_fen: int
    notice_id: UUID | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalDraft:
    """A fact for the books; `key` makes it once, `on` is the day it should be posted to."""

    key: str
    kind: str
    lines: Sequence[Line]
    channel: str
    on: date
    region_id: int | None = None
    payment_id: UUID | str | None = None


def post(drafts: Sequence[JournalDraft], *, at: datetime, actor: Actor = SYSTEM, are_new: bool = False) -> None:
    """Writes journals in the caller's transaction, each once by its key, in a fixed number of statements.

    A day that is closed for the channel and area takes no more postings: the journal goes to the next open one.
    `are_new` says that the keys name rows made just now, which nobody can have posted. Raises Unbalanced.
    """
    for draft in drafts:
        if len(draft.lines) < 2 or sum(line.amount_fen for line in draft.lines) != 0:
            raise Unbalanced(draft.key)
    enter_gate()
    fresh = drafts if are_new else _unknown(drafts)
    if not fresh:
        return
    days = _OpenDays(fresh)
    deferred = connection.vendor == "postgresql"
    keys = reserve(Journal, len(fresh))
    prepared_writes.pour(
        Journal,
        JOURNAL_COLUMNS,
        [
            (key, one.key, _NAMES[one.kind], days.day_for(one), one.channel, one.region_id, one.payment_id)
            for key, one in zip(keys, fresh, strict=True)
        ],
        same={"booked_at": at, "posted": deferred, "actor_role": str(actor.role), "actor_user_id": actor.user_id},
    )
    prepared_writes.pour(
        Entry,
        ENTRY_COLUMNS,
        [
            (key, _NAMES[line.account], line.sub, line.notice_id, line.amount_fen)
            for key, one in zip(keys, fresh, strict=True)
            for line in one.lines
        ],
    )
    if not deferred:
        opened: QuerySet[Journal] = QuerySet(Journal).filter(pk__gte=keys[0], pk__lte=keys[-1])
        opened.update(posted=True)


def _unknown(drafts: Sequence[JournalDraft]) -> list[JournalDraft]:
    """Those of the drafts whose fact is not in the books yet."""
    known = set(Journal.objects.filter(key__in=[draft.key for draft in drafts]).values_list("key", flat=True))
    return [draft for draft in drafts if draft.key not in known]


def enter_gate() -> None:
    """Shares the lock that closing a day takes alone, until the transaction ends; SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [GATE])


class _OpenDays:
    """Which accounting day a journal gets, from the closed days of its channel at and after the day wished for."""

    def __init__(self, drafts: Sequence[JournalDraft]) -> None:
        self._closed: dict[tuple[str, date], list[str]] = defaultdict(list)
        if drafts:
            closes = DayClose.objects.filter(
                on__gte=min(draft.on for draft in drafts), channel__in={draft.channel for draft in drafts}
            )
            for channel, on, path in closes.values_list("channel", "on", "region__path"):
                self._closed[channel, on].append(path)
        places = {draft.region_id for draft in drafts if draft.region_id} if self._closed else set()
        self._paths: Mapping[int, str] = dict(Region.objects.filter(pk__in=places).values_list("pk", "path"))

    def day_for(self, draft: JournalDraft) -> date:
        """The wished day, or the next one that is open."""
        if not self._closed:
            return draft.on
        path = self._paths.get(draft.region_id or 0, "")
        day = draft.on
        for _step in range(MAX_CLOSED_DAYS):
            # A closed day without a region closes the money for which no place is known, and no other.
            scopes = self._closed.get((draft.channel, day), ())
            if not any(covers(scope, path) if path and scope else not path and not scope for scope in scopes):
                break
            day += timedelta(days=1)
        return day


@dataclass(slots=True, kw_only=True)
class Money:
    """What the books look at of a payment that is written as a plain row."""

    pk: UUID | str
    provider: str
    channel: str
    amount_fen: int
    paid_on: date
    booked_at: datetime
    notice_id: UUID | str | None
    region_id: int | None
    source_id: UUID | None


def payment_draft(payment: Payment | Money, reason: str, shares: Iterable[tuple[UUID | str, str, int]]) -> JournalDraft:
    """The journal of money that came: to the payee of each notice it settles, or to suspense.

    `shares` are (notice, kind, fen): one for a notice of its own, one per member for a collective notice. Money that a
    cashier assigned comes out of suspense instead of a bank.
    """
    into = Line(Account.BANK, payment.channel, payment.amount_fen)
    kind = JournalKind.PAYMENT
    if payment.source_id:
        into, kind = Line(Account.SUSPENSE, ASSIGNED, payment.amount_fen), JournalKind.ASSIGNED
    elif payment.provider.startswith(HELD_PREFIX):
        into = Line(Account.CASH_HELD, payment.channel, payment.amount_fen)
    if reason:
        lines = [into, Line(Account.SUSPENSE, reason, -payment.amount_fen, payment.notice_id)]
    else:
        lines = [into, *(Line(Account.COLLECTED, owed, -fen, notice) for notice, owed, fen in shares)]
    return JournalDraft(
        key=f"payment:{written_out(payment.pk)}",
        kind=kind,
        lines=lines,
        channel=payment.channel,
        on=calendar.local_date(payment.booked_at) if payment.source_id else payment.paid_on,
        region_id=payment.region_id,
        payment_id=payment.source_id or payment.pk,
    )


def post_handed_over(payment: Payment, reason: str, *, at: datetime, actor: Actor = SYSTEM) -> None:
    """Moves the money of a settled notice into suspense, because nobody waits for it."""
    lines = _out_of(payment, Line(Account.SUSPENSE, reason, 0), only=Account.COLLECTED)
    if lines:
        post([_moved(payment, JournalKind.EXCEPTION, "handed", lines, at)], at=at, actor=actor)


def post_taken_back(
    payment: Payment, *, amount_fen: int | None = None, name: str = "", at: datetime, actor: Actor = SYSTEM
) -> int:
    """The bank has taken money back: so much of what lies with the payee or in suspense, or all of it, goes back to the
    bank.

    `name` is the service's own number of the reversal, so that one that is reported again is known. Returns what was
    taken, in fen.
    """
    lines = _out_of(payment, Line(Account.BANK, payment.channel, 0))
    if not lines or is_taken_back(payment, name):
        return 0
    part = lines if amount_fen is None else _part(lines, amount_fen)
    draft = _moved(payment, JournalKind.REVERSED, "reversed", part, at)
    post([replace(draft, key=_reversal(payment, name))], at=at, actor=actor)
    return -part[-1].amount_fen


def is_taken_back(payment: Payment, name: str) -> bool:
    """Whether the books have this reversal of a payment already."""
    return Journal.objects.filter(key=_reversal(payment, name)).exists()


def _reversal(payment: Payment, name: str) -> str:
    return f"reversed:{payment.pk}:{name or 1}"


def _part(lines: Sequence[Line], fen: int) -> list[Line]:
    """Of the debits of a journal, the largest first, only so much; the credit behind them is what they add up to."""
    *debits, credit = lines
    part, left = [], fen
    for line in sorted(debits, key=lambda line: -line.amount_fen):
        share = min(left, line.amount_fen)
        if share:
            part.append(replace(line, amount_fen=share))
        left -= share
    return [*part, replace(credit, amount_fen=left - fen)]


def lies_fen(payment: Payment) -> int:
    """What of a payment lies with payees and in suspense, in fen: neither refunded nor taken back."""
    return -sum(line.amount_fen for line in _out_of(payment, Line(Account.BANK, payment.channel, 0))[-1:])


def post_refund_of_payment(payment: Payment, *, at: datetime, actor: Actor) -> None:
    """A refund of money at the exceptions desk is confirmed: it is owed to the payer now."""
    lines = _out_of(payment, Line(Account.REFUNDS, payment.channel, 0))
    if lines:
        post([_moved(payment, JournalKind.REFUND, "refund", lines, at)], at=at, actor=actor)


def post_refund_of_notice(notice: Notice, payment: Payment, *, at: datetime, actor: Actor) -> None:
    """A refund of a paid notice is confirmed: the money of this notice, wherever it lies, is owed to the payer now."""
    lines = _out_of(payment, Line(Account.REFUNDS, payment.channel, 0), notice=notice)
    if lines:
        draft = JournalDraft(
            key=f"refund:{notice.pk}",
            kind=JournalKind.REFUND,
            lines=lines,
            channel=payment.channel,
            on=calendar.local_date(at),
            region_id=notice.region_id,
            payment_id=payment.source_id or payment.pk,
        )
        post([draft], at=at, actor=actor)


def post_kept(payment: Payment, *, at: datetime, actor: Actor) -> None:
    """Money whose owner is not found moves from its reason to the part of suspense that is kept."""
    lines = _out_of(payment, Line(Account.SUSPENSE, "kept", 0), only=Account.SUSPENSE)
    if lines:
        post([_moved(payment, JournalKind.KEPT, "kept", lines, at)], at=at, actor=actor)


def post_freed(payment: Payment, *, at: datetime, actor: Actor) -> None:
    """Money that a cashier assigns is made ready in one place, whatever reason it waited for."""
    lines = _out_of(payment, Line(Account.SUSPENSE, ASSIGNED, 0))
    if lines:
        post([_moved(payment, JournalKind.ASSIGNED, "freed", lines, at)], at=at, actor=actor)


def post_stands(payment: Payment, notice: Notice, *, at: datetime, actor: Actor) -> None:
    """Money that had been handed over stays with its paid notice after all."""
    lines = _out_of(payment, Line(Account.COLLECTED, notice.kind, 0, notice.pk), only=Account.SUSPENSE)
    if lines:
        post([_moved(payment, JournalKind.ASSIGNED, "stands", lines, at)], at=at, actor=actor)


def post_paid_out(refund: Journal, lines: Sequence[Line], *, at: datetime, actor: Actor) -> None:
    """The money of a refund has left; `lines` clear what the refund's journal made payable."""
    draft = JournalDraft(
        key=f"payout:{refund.key.removeprefix('refund:')}",
        kind=JournalKind.PAID_OUT,
        lines=[*lines, *(Line(Account.BANK, refund.channel, -line.amount_fen, line.notice_id) for line in lines)],
        channel=refund.channel,
        on=calendar.local_date(at),
        region_id=refund.region_id,
        payment_id=refund.payment_id,
    )
    post([draft], at=at, actor=actor)


def post_remitted(
    *, key: str, channel: str, amount_fen: int, region_id: int | None, at: datetime, actor: Actor, into: str = ""
) -> None:
    """Cash that was held has reached the bank: from cash held of `channel` to the bank clearing of `into` (G4)."""
    lines = [Line(Account.BANK, into or channel, amount_fen), Line(Account.CASH_HELD, channel, -amount_fen)]
    draft = JournalDraft(
        key=key,
        kind=JournalKind.REMITTED,
        lines=lines,
        channel=channel,
        on=calendar.local_date(at),
        region_id=region_id,
    )
    post([draft], at=at, actor=actor)


def balance(account: str, sub: str | None = None) -> int:
    """What stands on an account over all journals, in fen; debit above zero."""
    rows = Entry.objects.filter(journal__posted=True, account=account)
    if sub is not None:
        rows = rows.filter(sub=sub)
    return int(rows.aggregate(total=Sum("amount_fen"))["total"] or 0)


def notice_balance(notice: Notice) -> dict[str, int]:
    """Where the money of one notice lies: fen by account, credits below zero, empty accounts left out."""
    found: dict[str, int] = defaultdict(int)
    rows = Entry.objects.filter(notice=notice).order_by().values_list("account").annotate(total=Sum("amount_fen"))
    for account, fen in rows:
        found[account] += int(fen)
    return {account: fen for account, fen in found.items() if fen}


def _moved(payment: Payment, kind: str, what: str, lines: Sequence[Line], at: datetime) -> JournalDraft:
    """A journal about money that came before; the key counts, because money may be handed over more than once."""
    number = Journal.objects.filter(key__startswith=f"{what}:{payment.pk}").count() + 1
    return JournalDraft(
        key=f"{what}:{payment.pk}:{number}",
        kind=kind,
        lines=lines,
        channel=payment.channel,
        on=calendar.local_date(at),
        region_id=payment.region_id,
        payment_id=payment.source_id or payment.pk,
    )


def _out_of(payment: Payment, into: Line, *, only: str = "", notice: Notice | None = None) -> list[Line]:
    """Debits what a payment has brought to payees and suspense, as it lies now, and credits the whole to `into`.

    With `notice` only its share; empty where nothing lies. The credit names the notice where it is the same for all.
    """
    entries = Entry.objects.filter(journal__payment=payment.source_id or payment.pk)
    if notice is not None:
        entries = entries.filter(notice=notice)
    rows = entries.order_by().values_list("account", "sub", "notice").annotate(total=Sum("amount_fen"))
    lines = [
        Line(account, sub, -int(fen), owner)
        for account, sub, owner, fen in rows
        if fen < 0 and account in ((only,) if only else (Account.COLLECTED, Account.SUSPENSE))
    ]
    total = sum(line.amount_fen for line in lines)
    if not total:
        return []
    owners = {line.notice_id for line in lines}
    owner = into.notice_id or (owners.pop() if len(owners) == 1 and into.sub != ASSIGNED else None)
    return [*lines, Line(into.account, into.sub, -total, owner)]
