"""Work for every Celery task of the portal, and what it must have come to however often the task ran."""

import os
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from enrollment.models import Application, ApplicationTimelineEntry, MaterialPicture, Period, Roster, RosterRow, WalkIn
from enrollment.states import State
from payments import ledger, payouts, retention
from payments.gateways.base import AskedBack, BackOutcome, BackReport, Outcome, Report
from payments.gateways.wechat import WeChatGateway
from payments.models import (
    CallbackMark,
    HeldCash,
    Journal,
    OrderState,
    Payment,
    PaymentOrder,
    Payout,
    PayoutState,
    Statement,
)
from portal.audit import record, seals
from portal.documents import scanner, storage
from portal.documents.models import Upload, UploadState
from portal.jobs import registry
from portal.jobs.models import Job, JobState
from portal.jobs.progress import Progress
from portal.limits.models import TokenBucket
from portal.outbox.models import DemoSms, Message, MessageState
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people.actors import SYSTEM, Role
from portal.people.models import SignInCode
from portal.regions.models import PolicyRule, versions
from tests import regions_kept
from tests.enrollment import journeys, registrations, roster_files
from tests.payments.notices import issue, pay
from tests.people_cast import ResidentFactory, make_staff, region

COUNT = 6
LONG_AGO = timedelta(days=3 * 365 + 30)
NANCHANG_TOWN = "360113001"


@dataclass(frozen=True)
class Work:
    """Work that waits: `outcome()` is not `expected` before, and is after one call, two, or four at once."""

    outcome: Callable[[], Any]
    expected: Any
    arguments: tuple[Any, ...] = ()
    always: bool = False
    """The outcome holds before the call as well: a promise that no call may break."""


def due_applications(patch: Any) -> Work:
    pks = [journeys.submitted(ResidentFactory()).pk for _ in range(COUNT)]

    def moved() -> Counter[Any]:
        entries = ApplicationTimelineEntry.objects.filter(subject__in=pks).exclude(transition__in=["begin", "submit"])
        return Counter(entries.values_list("subject", "transition"))

    return Work(moved, Counter((pk, "accept") for pk in pks))


def waiting_messages(patch: Any) -> Work:
    keys = [f"faults:{uuid.uuid4()}" for _ in range(COUNT)]
    enqueue_many(
        MessageDraft(key=key, template="one_time_code", phone="19900000099", params={"code": "123456", "minutes": 5})
        for key in keys
    )

    def sent() -> Any:
        found = Message.objects.filter(key__in=keys).values_list("state", "attempts")
        return Counter(found), DemoSms.objects.filter(reference__in=keys).count()

    return Work(sent, (Counter({(MessageState.SENT.value, 1): COUNT}), COUNT))


def old_messages(patch: Any) -> Work:
    keys = [f"faults:{uuid.uuid4()}" for _ in range(COUNT)]
    enqueue_many(
        MessageDraft(key=key, template="one_time_code", phone="19900000099", params={"code": "123456", "minutes": 5})
        for key in keys
    )
    old = Message.objects.filter(key__in=keys)
    old.update(state=MessageState.SENT, next_try_at=None, created_at=timezone.now() - LONG_AGO)
    return Work(old.all().count, 0)


def waiting_job(patch: Any) -> Job:
    patch.setitem(registry.runners, "faults", registry.Runner(count_to_three, "faults"))
    return Job.objects.create(kind="faults", next_try_at=timezone.now())


def count_to_three(progress: Progress) -> None:
    """A job of three steps."""
    for number in range(3):
        progress.step(number + 1, 3, cursor={"next": number + 1})


def job_done(job: Job) -> Callable[[], Any]:
    return lambda: Job.objects.values_list("state", "run", "done").get(pk=job.pk)


def named_job(patch: Any) -> Work:
    job = waiting_job(patch)
    return Work(job_done(job), (JobState.DONE.value, 1, 3), arguments=(str(job.pk),))


def forgotten_job(patch: Any) -> Work:
    return Work(job_done(waiting_job(patch)), (JobState.DONE.value, 1, 3))


def old_jobs(patch: Any) -> Work:
    made = [
        Job.objects.create(kind="faults", state=JobState.DONE, finished_at=timezone.now() - LONG_AGO)
        for _ in range(COUNT)
    ]
    return Work(Job.objects.filter(pk__in=[job.pk for job in made]).count, 0)


def orphan_files(patch: Any) -> Work:
    paths = []
    for _ in range(COUNT):
        pk = uuid.uuid4()
        storage.write(pk, b"orphan")
        paths.append(storage.path_of(pk))
        os.utime(paths[-1], (time.time() - LONG_AGO.total_seconds(),) * 2)
    return Work(lambda: sum(path.exists() for path in paths), 0)


def deleted_pictures(patch: Any) -> Work:
    application = journeys.draft(ResidentFactory())
    paths = _pictures(application, removed_at=timezone.now() - timedelta(hours=1))
    rows = MaterialPicture.objects.filter(application=application)
    return Work(lambda: (rows.count(), sum(path.exists() for path in paths)), (0, 0))


def old_pictures(patch: Any) -> Work:
    application = journeys.submitted(ResidentFactory())
    paths = _pictures(application, removed_at=None)
    Application.objects.filter(pk=application.pk).update(
        state=State.WITHDRAWN, due_at=None, state_since=timezone.now() - LONG_AGO
    )
    rows = MaterialPicture.objects.filter(application=application, erased_at=None)
    return Work(lambda: (rows.count(), sum(path.exists() for path in paths)), (0, 0))


def _pictures(application: Application, removed_at: datetime | None) -> list[Path]:
    """Pictures of a material and the files they lie in."""
    paths = []
    for _ in range(COUNT):
        pk = uuid.uuid4()
        storage.write(pk, b"picture")
        paths.append(storage.path_of(pk))
        upload = Upload.objects.create(
            id=pk,
            owner=application.resident,
            purpose="material.0.ID_CARD",
            sha256="0" * 64,
            size=7,
            width=1,
            height=1,
        )
        MaterialPicture.objects.create(
            application=application,
            code="ID_CARD",
            upload=upload,
            sent_at=timezone.now() - LONG_AGO,
            removed_at=removed_at,
        )
    return paths


def held_uploads(patch: Any) -> Work:
    patch.setattr(scanner, "scan", lambda data: scanner.Verdict.CLEAN)
    pks = []
    for _ in range(COUNT):
        pk = uuid.uuid4()
        storage.write(pk, b"picture")
        Upload.objects.create(
            id=pk,
            owner=ResidentFactory(),
            purpose="faults",
            sha256="0" * 64,
            size=7,
            width=1,
            height=1,
            state=UploadState.HELD,
        )
        pks.append(pk)
    states = Upload.objects.filter(pk__in=pks).values_list("state", flat=True)
    return Work(lambda: Counter(states.all()), Counter({UploadState.READY.value: COUNT}))


def unsealed_rows(patch: Any) -> Work:
    for _ in range(COUNT):
        with transaction.atomic():
            record("faults.looked", SYSTEM)
    return Work(lambda: [seals.verify(stream) for stream in seals.streams], [None] * len(seals.streams), always=True)


def old_codes(patch: Any) -> Work:
    past = timezone.now() - LONG_AGO
    made = [
        SignInCode.objects.create(
            subject_digest="0" * 64,
            session_digest="0" * 64,
            code_digest="0" * 64,
            is_decoy=True,
            created_at=past,
            expires_at=past,
        )
        for _ in range(COUNT)
    ]
    return Work(SignInCode.objects.filter(pk__in=[code.pk for code in made]).count, 0)


def idle_buckets(patch: Any) -> Work:
    digests = [uuid.uuid4().hex for _ in range(COUNT)]
    TokenBucket.objects.bulk_create(TokenBucket(key_digest=one, tokens=1.0, refilled_at_epoch=0.0) for one in digests)
    return Work(TokenBucket.objects.filter(pk__in=digests).count, 0)


def rubbish(patch: Any) -> Work:
    keys = [uuid.uuid4().hex for _ in range(COUNT)]
    Session.objects.bulk_create(
        Session(session_key=key, session_data="", expire_date=timezone.now() - LONG_AGO) for key in keys
    )
    folder = settings.VAR_DIR / "broker" / "queues" / "papers"
    folder.mkdir(parents=True, exist_ok=True)
    left = folder / f".{uuid.uuid4().hex}.tmp"
    left.write_bytes(b"half a message")
    os.utime(left, (0, 0))
    return Work(lambda: (Session.objects.filter(pk__in=keys).count(), left.exists()), (0, False))


def held_applications(patch: Any) -> Work:
    rule = PolicyRule.objects.filter(region__code="360100", kind="fee", key="premium.2027")
    published = rule.get().value
    rule.update(value={**published, "standard_fen": None})
    versions.bump(versions.POLICY)
    pks = [journeys.submitted(ResidentFactory(), town=NANCHANG_TOWN).pk for _ in range(COUNT)]
    rule.update(value={**published, "standard_fen": 40000})
    versions.bump(versions.POLICY)

    def priced() -> Any:
        rows = Application.objects.filter(pk__in=pks).values_list("payable_fen", "premium_pending")
        entries = ApplicationTimelineEntry.objects.filter(subject__in=pks, transition="price")
        return Counter(rows), Counter(entries.values_list("subject", flat=True))

    return Work(priced, (Counter({(40000, False): COUNT}), Counter(pks)))


def silent_orders(patch: Any) -> Work:
    orders = [order_to_ask() for _ in range(COUNT)]

    def query(gateway: Any, number: str) -> Report:
        return Report(
            outcome=Outcome.PAID,
            number=number,
            provider_txn=f"4200{number}",
            amount_fen=40_000,
            paid_on=timezone.localdate(),
        )

    patch.setattr(WeChatGateway, "query", query)

    def paid() -> Any:
        rows = PaymentOrder.objects.filter(pk__in=orders)
        return Counter(rows.values_list("state", flat=True)), Payment.objects.filter(order__in=orders).count()

    return Work(paid, (Counter({OrderState.PAID.value: COUNT}), COUNT))


def order_to_ask() -> uuid.UUID:
    notice = issue(at=timezone.now())
    opened_at = timezone.now() - timedelta(minutes=10)
    return PaymentOrder.objects.create(
        number=uuid.uuid4().hex,
        notice=notice,
        provider="wechat",
        channel="online",
        amount_fen=notice.amount_fen,
        state=OrderState.OPEN,
        code="x",
        opened_at=opened_at,
        expires_at=opened_at + timedelta(minutes=30),
        ask_at=opened_at,
    ).pk


def confirmed_refunds(patch: Any) -> Work:
    opened = [refund_to_send() for _ in range(COUNT)]

    def refund(gateway: Any, asked: AskedBack) -> BackReport:
        return BackReport(outcome=BackOutcome.PAID_BACK, number=asked.number, amount_fen=asked.amount_fen)

    patch.setattr(WeChatGateway, "refund", refund)

    def left() -> Any:
        rows = Payout.objects.filter(pk__in=opened)
        booked = Journal.objects.filter(kind="paid_out", payment__payouts__in=opened)
        return Counter(rows.values_list("state", flat=True)), booked.count()

    return Work(left, (Counter({PayoutState.DONE.value: COUNT}), COUNT))


def refund_to_send() -> uuid.UUID:
    at = timezone.now()
    payment = pay(issue(at=at), provider="wechat", amount_fen=1, provider_txn=uuid.uuid4().hex)
    with transaction.atomic():
        ledger.post_refund_of_payment(payment, at=at, actor=SYSTEM)
        return payouts.open_for(payment, at)[0].pk


def old_statement_files(patch: Any) -> Work:
    long_ago = timezone.now() - timedelta(days=2 * retention.DEFAULT_DAYS)
    made = [
        Statement.objects.create(
            format="nontax",
            digest=uuid.uuid4().hex,
            name="old.txt",
            region=region("450302"),
            state="done",
            finished_at=long_ago,
        ).pk
        for _ in range(COUNT)
    ]
    return Work(Statement.objects.filter(pk__in=made, erased_at=None).count, 0)


def old_callbacks(patch: Any) -> Work:
    marks = [uuid.uuid4().hex for _ in range(COUNT)]
    CallbackMark.objects.bulk_create(
        CallbackMark(provider="wechat", mark=mark, at=timezone.now() - LONG_AGO) for mark in marks
    )
    return Work(CallbackMark.objects.filter(mark__in=marks).count, 0)


def old_rosters(patch: Any) -> Work:
    agent = make_staff(f"agent-{uuid.uuid4().hex[:8]}", Role.COMMITTEE_AGENT, "450302001")
    made = [roster_files.checked(agent, roster_files.as_csv([roster_files.line()])) for _ in range(COUNT)]
    pks = [roster.pk for roster in made]
    Roster.objects.filter(pk__in=pks).update(created_at=timezone.now() - LONG_AGO)
    written = RosterRow.objects.filter(roster__in=pks).exclude(cells_cipher=b"")
    return Work(lambda: written.all().count(), 0)


def late_cash(patch: Any) -> Work:
    homes = [ResidentFactory() for _ in range(COUNT)]
    past = timezone.localdate() - timedelta(days=20)
    for home in homes:
        name = f"agent-{uuid.uuid4().hex[:8]}"
        agent = make_staff(name, Role.COMMITTEE_AGENT, "450302001", own_id_index=home.id_index)
        notice = issue(at=timezone.now())
        HeldCash.objects.create(
            number=notice.number,
            notice=notice,
            amount_fen=notice.amount_fen,
            channel="committee",
            taken_on=past,
            remit_by=past,
            taken_by=agent,
            region=notice.region,
        )
    told = Message.objects.filter(template="payments_held_late", resident__in=homes)
    return Work(told.count, COUNT)


def registrations_without_a_month(patch: Any) -> Work:
    clerk = make_staff(f"centre-{uuid.uuid4().hex[:8]}", Role.CLERK, "450302", office_kind="county_centre")
    rows = [registrations.accepted(ResidentFactory(), clerk) for _ in range(COUNT)]
    opened = Period.objects.filter(registration__in=rows)
    opened.delete()
    return Work(lambda: Counter(opened.values_list("registration", flat=True)), Counter({row.pk: 1 for row in rows}))


def old_walk_ins(patch: Any) -> Work:
    clerk = make_staff(f"counter-{uuid.uuid4().hex[:8]}", Role.CLERK, "450302", office_kind="county_centre")
    office = clerk.grants.get().office
    made = [WalkIn.objects.create(office=office, clerk=clerk, id_index=uuid.uuid4().hex) for _ in range(COUNT)]
    left = WalkIn.objects.filter(pk__in=[row.pk for row in made])
    left.update(saved_at=timezone.now() - LONG_AGO)
    return Work(left.count, 0)


WORK: dict[str, Callable[[Any], Work]] = {
    "enrollment.tasks.coordination_months": registrations_without_a_month,
    "enrollment.tasks.erase_old_walk_ins": old_walk_ins,
    "enrollment.tasks.erase_old_pictures": old_pictures,
    "enrollment.tasks.erase_removed_pictures": deleted_pictures,
    "enrollment.tasks.erase_rosters": old_rosters,
    "payments.tasks.remind_held_cash": late_cash,
    "enrollment.tasks.price_held": held_applications,
    "payments.tasks.ask_silent_orders": silent_orders,
    "payments.tasks.erase_statement_files": old_statement_files,
    "payments.tasks.forget_old_callbacks": old_callbacks,
    "payments.tasks.send_payouts": confirmed_refunds,
    "portal.audit.tasks.seal": unsealed_rows,
    "portal.documents.tasks.scan_held": held_uploads,
    "portal.documents.tasks.sweep_orphans": orphan_files,
    "portal.jobs.tasks.erase_old": old_jobs,
    "portal.jobs.tasks.run_job": named_job,
    "portal.jobs.tasks.run_stalled": forgotten_job,
    "portal.limits.tasks.forget_idle_buckets": idle_buckets,
    "portal.outbox.tasks.drain": waiting_messages,
    "portal.outbox.tasks.erase_old": old_messages,
    "portal.people.tasks.forget_old_codes": old_codes,
    "portal.tasks.clean_up": rubbish,
    "portal.workflow.tasks.sweep": due_applications,
}


def load_regions() -> None:
    """Regions with their policies, as they are delivered."""
    regions_kept.load()
