"""Issues payment notices, one or hundreds, and cancels or replaces them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from payments import membership, numbers
from payments.allocation import next_serials
from payments.kinds import MODULES
from payments.messages import tell_issued
from payments.models import Line, Notice, lines_data
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.people.actors import SYSTEM, Actor
from portal.people.models import Resident
from portal.regions import calendar
from portal.regions.models import Office, PolicySnapshot, Region

MAX_CONTENDERS = 5


@dataclass(frozen=True, kw_only=True)
class NoticeDraft:
    """What an upper app says about money somebody owes; everything else comes from the kind and the policy.

    `due_on` replaces the time limit of the policy where the case has a date of its own. `amount_fen` is the sum of the
    lines. `tell` False means that the upper app writes to the payer itself.
    """

    kind: str
    purpose: str
    reference: str
    resident: Resident
    region: Region
    policy: PolicySnapshot
    amount_fen: int
    lines: Sequence[Line]
    cover_year: int | None = None
    office: Office | None = None
    due_on: date | None = None
    tell: bool = True

    @property
    def key(self) -> tuple[str, str]:
        return self.purpose, str(self.reference)


class WrongTotal(ValueError):
    """The amount of a notice is not the sum of its lines."""


def issue_notice(*, actor: Actor, at: datetime | None = None, **fields: Any) -> Notice:
    """Issues one notice; the fields are those of `NoticeDraft`.

    A second call for the same purpose and reference returns the live notice of the first.
    """
    return issue_notices([NoticeDraft(**fields)], actor=actor, at=at)[0]


def issue_notices(drafts: Sequence[NoticeDraft], *, actor: Actor, at: datetime | None = None) -> list[Notice]:
    """Issues notices for many drafts in few queries, and returns them in the order of the drafts.

    Where a live notice of the same purpose and reference exists it is returned instead; an expired one is replaced by
    the new one, so that late money finds its way. Raises WrongTotal.
    """
    at = at or timezone.now()
    for draft in drafts:
        if draft.amount_fen != sum(line.payable_fen for line in draft.lines) or draft.amount_fen <= 0:
            raise WrongTotal(draft.reference)
    wanted = {draft.key: draft for draft in drafts}
    for attempt in range(MAX_CONTENDERS):
        found = _live(wanted)
        missing = [draft for key, draft in wanted.items() if key not in found]
        if not missing:
            break
        try:
            with transaction.atomic():
                made = NoticeWorkflow.begin_many(_rows(missing, at), actor, at=at)
                _replace_expired(made, at)
                tell_issued([notice for notice in made if wanted[notice.purpose, notice.reference].tell])
        except IntegrityError:
            # Somebody else issued one of them between our look and our insert; look again.
            if attempt == MAX_CONTENDERS - 1:
                raise
            continue
        found |= {(notice.purpose, notice.reference): notice for notice in made}
        break
    return [found[draft.key] for draft in drafts]


def supersede_notice(notice: Notice, draft: NoticeDraft, *, actor: Actor, at: datetime | None = None) -> Notice:
    """Replaces an unpaid notice by a new one; money paid on the old number finds the new one (N10).

    Raises portal.workflow.errors.NotAvailable when the notice was paid or cancelled meanwhile.
    """
    at = at or timezone.now()
    with transaction.atomic():
        membership.hold([notice.pk])
        # The old one leaves its purpose and reference first; the link follows, when the successor exists.
        NoticeWorkflow.supersede.fire(notice, SYSTEM, at=at, codes=_asked_by(actor))
        successor = issue_notices([draft], actor=actor, at=at)[0]
        Notice.objects.filter(pk=notice.pk).update(superseded_by=successor)
    notice.superseded_by = successor
    return successor


def cancel_notices(
    *, purpose: str, references: Iterable[str], actor: Actor, reason: str, at: datetime | None = None
) -> list[UUID]:
    """Cancels the unpaid notices of these references, because nobody owes the money any more; money that still comes
    is an exception.

    `reason` is a code, such as "withdrawn".
    """
    chosen = Notice.objects.filter(purpose=purpose, reference__in=[str(reference) for reference in references])
    codes = {"reason": reason, **_asked_by(actor)}
    with transaction.atomic():
        membership.hold(chosen.filter(state=State.ISSUED).values_list("pk", flat=True))
        return NoticeWorkflow.cancel.move(chosen.filter(state=State.ISSUED), SYSTEM, codes=codes, at=at)


def live_notice(*, purpose: str, reference: str) -> Notice | None:
    """The notice that holds this purpose and reference now, or None."""
    return _live({(purpose, str(reference)): None}).get((purpose, str(reference)))


def _asked_by(actor: Actor) -> dict[str, Any]:
    """Who asked for a move that only the portal itself may make."""
    return {"asked_by_role": str(actor.role), "asked_by": actor.user_id}


def _live(keys: Mapping[tuple[str, str], object]) -> dict[tuple[str, str], Notice]:
    """The live notices by purpose and reference, one query per purpose."""
    references: dict[str, list[str]] = {}
    for purpose, reference in keys:
        references.setdefault(purpose, []).append(reference)
    chosen = Q(pk__in=[])
    for purpose, listed in references.items():
        chosen |= Q(purpose=purpose, reference__in=listed)
    return {(notice.purpose, notice.reference): notice for notice in Notice.objects.live().filter(chosen)}


def _rows(drafts: Sequence[NoticeDraft], at: datetime) -> list[Notice]:
    """Unsaved notices with numbers, titles and dates; what depends on kind and policy only is computed once for each
    pair.
    """
    issued_on = calendar.local_date(at)
    serials = {
        kind: iter(next_serials(kind, sum(1 for draft in drafts if draft.kind == kind)))
        for kind in {draft.kind for draft in drafts}
    }
    terms: dict[tuple[str, int], tuple[dict[str, str], date]] = {}
    rows = []
    for draft in drafts:
        key = (draft.kind, draft.policy.pk)
        if key not in terms:
            module, policy = MODULES[draft.kind], draft.policy.policy
            last_day = calendar.add_workdays(issued_on, policy.days(module.DAYS_KEY), draft.policy.region).date
            terms[key] = (module.title(policy), last_day)
        title, last_day = terms[key]
        serial = next(serials[draft.kind])
        rows.append(
            Notice(
                number=numbers.notice_number(draft.kind, issued_on.year, serial),
                pay_code=numbers.pay_code(draft.kind, draft.region.code, serial),
                kind=draft.kind,
                purpose=draft.purpose,
                reference=str(draft.reference),
                resident=draft.resident,
                payer_name=draft.resident.name,
                payer_number=draft.resident.staff_identity_number,
                region=draft.region,
                office=draft.office,
                policy=draft.policy,
                cover_year=draft.cover_year,
                title=title,
                lines_data=lines_data(draft.lines),
                amount_fen=draft.amount_fen,
                issued_at=at,
                issued_on=issued_on,
                due_on=draft.due_on or last_day,
            )
        )
    return rows


def _replace_expired(made: Sequence[Notice], at: datetime) -> None:
    """Lets new notices take the place of expired ones of the same purpose and reference."""
    by_key = {(notice.purpose, notice.reference): notice for notice in made}
    references = [notice.reference for notice in made]
    purposes = {notice.purpose for notice in made}
    expired = Notice.objects.filter(state=State.EXPIRED, purpose__in=purposes, reference__in=references)
    for old in expired:
        successor = by_key.get((old.purpose, old.reference))
        if successor is not None:
            NoticeWorkflow.supersede.move([old.pk], SYSTEM, changes={"superseded_by": successor}, at=at)
