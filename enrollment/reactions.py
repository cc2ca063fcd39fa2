"""What the enrolment does about batches of facts, its own and those of payment notices.

Every reaction is set-based and safe to run again; `register` is called once, when the apps are ready.
"""

from collections import defaultdict
from datetime import date
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from enrollment import checks, correcting, cover, households, messages, offices, renewal, terms
from enrollment.codes import PaymentOrder, Status
from enrollment.models import Application, Cover
from enrollment.states import FINAL, State
from enrollment.workflow import EnrollmentWorkflow
from payments import services as payments
from payments.models import Notice
from payments.states import State as NoticeState
from payments.workflow import NoticeWorkflow
from portal.design.text import format_yuan
from portal.people.actors import SYSTEM, Role
from portal.people.models import AssistanceCategory
from portal.regions import calendar
from portal.regions.text import both
from portal.workflow.core import Batch
from portal.workflow.errors import NotAvailable

PURPOSE = "enrollment.premium"


def register() -> None:
    """Hangs every reaction on its transition."""
    own = EnrollmentWorkflow
    own.submit.reactions.append(tell_submitted)
    own.accept.reactions.append(run_checks)
    own.collect.reactions += [run_checks, issue_notices, tell_billed]
    for approval in (own.approve, own.county_approve, own.deem_approved):
        approval.reactions += [advance, tell_held]
    for refusal in (own.reject, own.county_reject):
        refusal.reactions += [propose_settled_refunds, tell_rejected]
    own.open_refund.reactions.append(propose_refunds)
    for asked in (own.ask_correction, own.county_ask_correction):
        asked.reactions.append(tell_correction)
    own.resubmit.reactions += [correcting.check_again, tell_corrected]
    own.escalate.reactions.append(tell_escalated)
    own.bill.reactions += [issue_notices, tell_approved, renewal.tell_renewed]
    own.renew.reactions.append(advance)
    own.renew_for_review.reactions.append(renewal.tell_review)
    for enrolment in (own.enrol, own.settle, own.reinstate):
        enrolment.reactions += [write_covers, tell_enrolled]
    own.withdraw.reactions += [cancel_notices, propose_refunds, tell_withdrawn]
    own.lapse.reactions += [erase_drafts, propose_refunds, tell_lapsed]
    own.lapse_unpaid.reactions.append(tell_lapsed)
    own.remind_resident.reactions.append(tell_reminder)
    NoticeWorkflow.settle.reactions += [on_notice_settled, hand_over_unwanted]
    NoticeWorkflow.expire.reactions.append(on_notice_expired)


def run_checks(batch: Batch) -> None:
    """Writes the results of the automatic checks."""
    checks.run(batch.pks, batch.at)


def advance(batch: Batch) -> None:
    """Takes what was approved on at once, as the sweep would do: insured where nothing is to be paid, else billed.

    What can still be taken back is not due yet and is left to the sweep.
    """
    EnrollmentWorkflow.enrol.move(batch.pks, SYSTEM, at=batch.at)
    EnrollmentWorkflow.bill.move(batch.pks, SYSTEM, at=batch.at)


def issue_notices(batch: Batch) -> None:
    """Issues a premium notice for each application and keeps it with the application.

    The payer is told by the enrolment, once, with amount, number and day; families by their common notice.
    """
    rows = list(batch.subjects().select_related("resident", "beneficiary", "region", "office", "policy"))
    notices = payments.issue_notices([_notice_draft(row) for row in rows], actor=SYSTEM, at=batch.at)
    for row, notice in zip(rows, notices, strict=True):
        row.notice = notice
    Application.objects.bulk_update(rows, ["notice"], batch_size=500)


def _notice_draft(row: Application) -> payments.NoticeDraft:
    if row.policy is None or row.payable_fen is None or row.beneficiary is None:
        raise LookupError(f"application {row.pk} is billed before its amount is known")
    fee = terms.terms_of(row.facts, row.policy.policy, row.cover_year).fee
    standard = fee.standard_fen if fee.standard_fen is not None else row.payable_fen
    line = payments.Line(
        name=row.beneficiary.name,
        masked_number=row.beneficiary.staff_identity_number,
        label=insured_category(row),
        standard_fen=standard,
        assistance_fen=standard - row.payable_fen,
        reference=str(row.pk),
    )
    return payments.NoticeDraft(
        kind="premium",
        purpose=PURPOSE,
        reference=str(row.pk),
        resident=row.resident,
        region=row.region,
        policy=row.policy,
        amount_fen=row.payable_fen,
        lines=[line],
        cover_year=row.cover_year,
        office=row.office,
        due_on=renewal.last_day(row, row.policy.policy),
        tell=False,
    )


CATEGORY_TEXTS: dict[str, dict[str, str]] = {
    Status.LOCAL_HUKOU: both("本地户籍居民", "Resident with local household register"),
    Status.RESIDENCE_PERMIT: both("持居住证居民", "Resident with residence permit"),
    Status.STUDENT: both("在校学生", "Pupil or student"),
    Status.HMT_RESIDENT: both("港澳台居民", "Hong Kong, Macao or Taiwan resident"),
    Status.FOREIGN_PERMANENT: both("外国人永久居留", "Foreign permanent resident"),
    AssistanceCategory.EXTREME_POVERTY: both("特困人员", "Person in extreme difficulty"),
    AssistanceCategory.ORPHAN: both("孤儿", "Orphan"),
    AssistanceCategory.DIBAO: both("低保对象", "Recipient of the minimum living allowance"),
    AssistanceCategory.ANTI_POVERTY_MONITORED: both("防止返贫监测对象", "Person monitored against return to poverty"),
    AssistanceCategory.DIBAO_MARGINAL: both("低保边缘家庭成员", "Member of a low-income marginal family"),
    AssistanceCategory.SEVERE_DISABILITY: both("重度残疾人", "Severely disabled person"),
}


def insured_category(row: Application) -> dict[str, str]:
    """The category of the insured person as papers carry it, in both languages."""
    return CATEGORY_TEXTS.get(row.assistance) or CATEGORY_TEXTS.get(row.category) or both("城乡居民", "Resident")


def write_covers(batch: Batch) -> None:
    """Writes the cover each enrolment leads to; a second run finds it written."""
    rows = batch.subjects().filter(cover__isnull=True).select_related("beneficiary", "region", "policy")
    Cover.objects.bulk_create([_cover(row, calendar.local_date(batch.at)) for row in rows], batch_size=500)


def _cover(row: Application, today: date) -> Cover:
    policy = row.policy.policy
    birth_on = date.fromisoformat(row.facts["birth_on"])
    dates = cover.cover_dates(
        policy=policy,
        cover_year=row.cover_year,
        paid_on=row.paid_on or (row.submitted_on if row.nothing_payable else None) or today,
        birth_on=birth_on,
        newborn_until=terms.newborn_until(birth_on, row.region, policy),
        missed_years=row.facts["missed_years"],
        exempt=row.assistance in policy.setting("waiting_exempt", []),
    )
    return Cover(
        person=row.beneficiary,
        region=row.region,
        application=row,
        cover_year=row.cover_year,
        benefits_from=dates.benefits_from,
        until=dates.until,
        waiting_months=dates.waiting_months,
    )


def cancel_notices(batch: Batch) -> None:
    """Cancels the unpaid notices of what was withdrawn."""
    references = [str(pk) for pk in batch.pks]
    payments.cancel_notices(purpose=PURPOSE, references=references, actor=batch.actor, reason="withdrawn", at=batch.at)


def propose_settled_refunds(batch: Batch) -> None:
    """Opens the refunds of rejections that stand; those that can still be taken back wait for `open_refund`."""
    _propose(batch, batch.subjects().exclude(undo_until__gt=batch.at))


def propose_refunds(batch: Batch) -> None:
    """Opens a refund for money that was paid before the application ended without cover."""
    _propose(batch, batch.subjects())


def _propose(batch: Batch, rows: Any) -> None:
    for row in rows.filter(paid_on__isnull=False, notice__state=NoticeState.PAID).select_related("notice"):
        try:
            payments.propose_refund(row.notice, reason=row.state, actor=batch.actor, at=batch.at)
        except NotAvailable:
            continue  # a cashier was first


def erase_drafts(batch: Batch) -> None:
    """Erases what was typed into drafts that were never submitted (ARCHITECTURE §8)."""
    drafts = [entry.subject_id for entry in batch.entries if entry.source == State.DRAFT]
    Application.objects.filter(pk__in=drafts).update(answers_cipher=b"", facts={}, beneficiary=None, relation="")


def on_notice_settled(batch: Batch) -> None:
    """Money arrived: enrols or begins the review, and reinstates what lapsed."""
    notices = _own_notices(batch)
    waiting = Application.objects.filter(pk__in=notices, state__in=[State.AWAITING_PAYMENT, State.LAPSED])
    by_day: dict[date, list[UUID]] = defaultdict(list)
    for pk, notice in notices.items():
        if notice.paid_on is not None:
            by_day[notice.paid_on].append(pk)
    for day, pks in by_day.items():
        waiting.filter(pk__in=pks).update(paid_on=day)
        waiting.filter(pk__in=pks, payment_order=PaymentOrder.PAY_FIRST).update(review_from=day)
    pks = list(notices)
    EnrollmentWorkflow.settle.move(pks, SYSTEM, at=batch.at)
    EnrollmentWorkflow.settle_to_review.move(pks, SYSTEM, at=batch.at)
    for pk in Application.objects.filter(pk__in=pks, state=State.LAPSED).values_list("pk", flat=True):
        _reinstate(pk, batch)


def hand_over_unwanted(batch: Batch) -> None:
    """Gives money that no application waits for to the exceptions desk."""
    notices = _own_notices(batch)
    unwanted = Application.objects.filter(pk__in=notices, state__in=FINAL).exclude(state=State.ENROLLED)
    for pk in unwanted.values_list("pk", flat=True):
        if payments.give_back(notices[pk], batch.at):
            continue  # its share of a collective payment: the rest of that money stays where it is
        payments.open_exception(notices[pk])


def _reinstate(pk: UUID, batch: Batch) -> None:
    try:
        with transaction.atomic():
            EnrollmentWorkflow.reinstate.move([pk], SYSTEM, at=batch.at)
            EnrollmentWorkflow.reinstate_to_review.move([pk], SYSTEM, at=batch.at)
    except IntegrityError:
        # The person has applied anew for the same year: this money is for the exceptions desk.
        return


def on_notice_expired(batch: Batch) -> None:
    """Nobody paid in time: the applications lapse."""
    EnrollmentWorkflow.lapse_unpaid.move(list(_own_notices(batch)), SYSTEM, at=batch.at)


def _own_notices(batch: Batch) -> dict[UUID, Notice]:
    return {UUID(notice.reference): notice for notice in batch.subjects().filter(purpose=PURPOSE)}


def tell_submitted(batch: Batch) -> None:
    """The application has arrived, and by when it is decided."""

    def params(application: Application) -> dict[str, Any]:
        office = application.office.name if application.office else ""
        return {"office": office, "due": offices.expected_on(application)}

    messages.tell("submitted", batch, params)


def tell_approved(batch: Batch) -> None:
    """Approved, and the amount to pay; who is insured without paying gets the message about the cover only.

    Families are told that one notice for all of them follows.
    """
    families = households.has_company(batch.subjects().only("pk", "pack_id"))

    def told(row: Application, *, together: bool) -> dict[str, Any] | None:
        return billed(row) if (row.pack_id in families) == together else None

    messages.tell("approved", batch, lambda row: told(row, together=False))
    if families:
        messages.tell("approved_together", batch, lambda row: told(row, together=True))


def billed(row: Application) -> dict[str, Any] | None:
    """What to pay, under which number and by when; None before the notice is there."""
    if row.notice is None or renewal.is_quiet(row):
        return None
    amount = format_yuan(row.notice.amount_fen)
    return {"amount": amount, "notice": row.notice.grouped_number, "due": row.notice.due_on}


def tell_billed(batch: Batch) -> None:
    """What to pay before the review begins, where the region asks for the payment first."""
    families = households.has_company(batch.subjects().only("pk", "pack_id"))
    messages.tell("billed", batch, lambda row: None if row.pack_id in families else billed(row))


def tell_held(batch: Batch) -> None:
    """Approved, and the amount is not published yet."""
    messages.tell("approved_held", batch, lambda row: {} if row.state == State.APPROVED and row.is_held else None)


def tell_rejected(batch: Batch) -> None:
    """Not approved; reason and appeal stand in the portal."""
    messages.tell("rejected", batch, lambda row: {"phone": row.office.phone if row.office else ""})


def tell_correction(batch: Batch) -> None:
    """Something is to be put right, and by when."""
    messages.tell("correction", batch, lambda row: {"due": messages.last_day(row.due_at)})


def tell_corrected(batch: Batch) -> None:
    """Corrected by a clerk or an agent in the resident's name; who corrects in person needs no message (F5)."""
    if batch.actor.role not in (Role.CLERK, Role.COMMITTEE_AGENT):
        return

    def params(row: Application) -> dict[str, Any]:
        phone = row.office.phone if row.office else ""
        return {"due": messages.last_day(row.due_at), "by": batch.actor.name, "phone": phone}

    messages.tell("corrected", batch, params)


def tell_escalated(batch: Batch) -> None:
    """Not decided in time; the county centre has it."""
    messages.tell("escalated", batch)


def tell_enrolled(batch: Batch) -> None:
    """Insured, from when until when."""
    covers = {row.application_id: row for row in Cover.objects.filter(application__in=batch.pks)}
    messages.tell(
        "enrolled",
        batch,
        lambda row: (
            {"begins": covers[row.pk].benefits_from, "ends": covers[row.pk].until} if row.pk in covers else None
        ),
    )


def tell_withdrawn(batch: Batch) -> None:
    """Withdrawn, as asked."""
    messages.tell("withdrawn", batch, lambda row: {"on": calendar.local_date(batch.at)})


def tell_lapsed(batch: Batch) -> None:
    """The time to answer or to pay is over; drafts end without a message, the reminder said so."""
    messages.tell("lapsed", batch, lambda row: {} if row.number and not renewal.is_quiet(row) else None)


def tell_reminder(batch: Batch) -> None:
    """Three days before a draft or an open correction lapses."""

    def due(state: str) -> messages.Params:
        return lambda row: {"due": messages.last_day(row.due_at)} if row.state == state else None

    messages.tell("lapsing", batch, due(State.DRAFT))
    messages.tell("correction_lapsing", batch, due(State.CORRECTION_REQUIRED))
