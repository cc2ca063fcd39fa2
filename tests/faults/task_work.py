"""Work for every Celery task of the portal, and what it must have come to however often the task ran."""

import os
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from enrollment.models import Application, ApplicationTimelineEntry
from portal.audit import record, seals
from portal.documents import scanner, storage
from portal.documents.models import Upload, UploadState
from portal.jobs import registry
from portal.jobs.models import Job, JobState
from portal.jobs.progress import Progress
from portal.limits.models import TokenBucket
from portal.outbox.models import DemoSms, Message, MessageState
from portal.outbox.services import MessageDraft, enqueue_many
from portal.people.actors import SYSTEM
from portal.people.models import SignInCode
from portal.regions.models import PolicyRule, versions
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory

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


WORK: dict[str, Callable[[Any], Work]] = {
    "enrollment.tasks.price_held": held_applications,
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
    call_command("load_regions", verbosity=0)
