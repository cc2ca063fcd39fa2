"""Many cases at once: preview, rounds, what changed is skipped and named, a stop loses nothing (B7, UX-C7)."""

import csv
import io
import time
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from enrollment import bulk as many
from enrollment import leases, queueing
from enrollment.models import Application, ApplicationMaterial, ApplicationTimelineEntry, BulkDecision, BulkItem
from enrollment.states import State
from portal.jobs import progress
from portal.jobs import services as jobs
from portal.jobs.models import Job, JobState
from portal.outbox.models import Message
from portal.people.models import Resident, StaffGrant
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, actor, next_identity_number, sign_in

pytestmark = pytest.mark.django_db


def ready(cast, count=1, **options):
    return [journeys.seen(journeys.under_review(ResidentFactory(), **options), cast.clerk) for _number in range(count)]


def selection(client, cases):
    answer = client.post(
        reverse("enrollment:bulk_select"), {"pk": [str(case.pk) for case in cases], "in": "tab=decide"}
    )
    return BulkDecision.objects.get(pk=answer.url.rstrip("/").split("/")[-1])


def many_ready(cast, count):
    """Cases as rows, copied from one that went the whole way: people, papers and all."""
    first = ready(cast)[0]
    people = [Resident(name="丁宁", home_region=first.region) for _number in range(count - 1)]
    for person in people:
        person.set_identity("RESIDENT_ID", next_identity_number())
        person.set_phone("19900000099")
    Resident.objects.bulk_create(people)
    papers = list(first.materials.all())
    made, copies = [], []
    for number, person in enumerate(people):
        case = Application(**vars_of(first))
        case.pk, case.resident, case.beneficiary = uuid.uuid4(), person, person
        case.number, case.submit_token, case.answers_cipher = f"8{number:015d}", uuid.uuid4(), b""
        made.append(case)
        for paper in papers:
            copy = ApplicationMaterial(**{**vars_of(paper), "id": None})
            copy.application = case
            copies.append(copy)
    Application.objects.bulk_create(made)
    ApplicationMaterial.objects.bulk_create(copies)
    with connection.cursor() as cursor:  # the database looks at tables that have grown by itself, but not in here
        for model in (Application, ApplicationMaterial):
            cursor.execute(f"ANALYZE {model._meta.db_table}")
    return Application.objects.filter(state=State.UNDER_REVIEW)


def vars_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_the_preview_says_what_will_and_will_not_happen_and_why(monday, cast, client):
    """UX-C7, B7: every obstacle is named; only judged cases of one ground are taken."""
    good = ready(cast, 3)
    unseen = journeys.under_review(ResidentFactory())
    refused = journeys.under_review(ResidentFactory())
    paper = refused.materials.filter(required=True).first()
    refused.materials.filter(required=True).update(judged="accepted", seen_at=timezone.now())
    refused.materials.filter(pk=paper.pk).update(judged="refused")
    other, busy, moved, changed = ready(cast, 4)
    Application.objects.filter(pk=other.pk).update(category="student")
    leases.open_case(busy, actor(cast.second_clerk))
    own = journeys.seen(journeys.under_review(cast.zhang), cast.clerk)
    sign_in(client, cast.clerk_at_home)
    bulk = selection(client, [*good, unseen, refused, other, busy, moved, changed, own])
    journeys.ask(moved, cast.clerk)
    Application.objects.edited(changed.pk, changed.version, correction_round=1)
    page = client.get(reverse("enrollment:bulk", args=[bulk.pk]))
    preview = page.context["preview"]
    assert {item.application_id for item in preview.ready} == {case.pk for case in good}
    why = {item.application_id: reason for item, reason in preview.left}
    assert why == {
        unseen.pk: "papers",
        refused.pk: "refused",
        other.pk: "category",
        busy.pk: "leased",
        moved.pk: "changed",
        changed.pk: "changed",
        own.pk: "own",
    }
    assert BulkDecision.objects.get().selected == 10
    answer = client.post(reverse("enrollment:bulk_start", args=[bulk.pk]))
    assert answer.url == reverse("enrollment:bulk", args=[bulk.pk])  # few are done at once
    assert Application.objects.filter(state=State.AWAITING_PAYMENT).count() == 3
    assert Message.objects.filter(template__in=["enrollment_approved", "enrollment_billed"]).count() == 3
    results = dict(BulkItem.objects.values_list("application", "outcome"))
    assert {pk for pk, outcome in results.items() if outcome == "approved"} == {case.pk for case in good}
    page = client.get(answer.url).content.decode()
    assert changed.grouped_number in page
    file = client.get(reverse("enrollment:bulk_file", args=[bulk.pk]))
    lines = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert len(lines) == 11
    assert {line[2] for line in lines[1:]} == {"审核通过", "未办理，保持原状"}  # nothing that reads like a rejection
    client.post(reverse("enrollment:bulk_start", args=[bulk.pk]))  # a second press changes nothing
    assert ApplicationTimelineEntry.objects.filter(transition="approve").count() == 3


def test_five_hundred_are_a_job_whose_statements_follow_rounds_not_rows(monday, cast, client):
    """B7: 500 at once in less than 30 s; about as many statements as the rounds ask for, whatever the rows."""
    many_ready(cast, 500)
    assert Application.objects.filter(state=State.UNDER_REVIEW).count() == 500
    sign_in(client, cast.clerk)
    answer = client.post(reverse("enrollment:bulk_select"), {"all": "1", "in": "tab=decide"})
    bulk = BulkDecision.objects.get()
    assert bulk.selected == many.MOST
    with CaptureQueriesContext(connection) as previewing:
        assert len(client.get(answer.url).context["preview"].ready) == 500
    assert len(previewing) <= 30
    late = BulkItem.objects.get(position=499).application
    Application.objects.edited(late.pk, late.version, correction_round=1)
    answer = client.post(reverse("enrollment:bulk_start", args=[bulk.pk]))
    job = Job.objects.get()
    assert answer.url == reverse("jobs:show", args=[job.pk])
    begun = time.process_time()  # of this process alone, so that a busy machine fails nobody
    with CaptureQueriesContext(connection) as working:
        assert jobs.run(job.pk) == JobState.DONE
    assert time.process_time() - begun < 30
    assert len(working) <= 1_000  # two for each notice issued at most, not the forty of a click
    assert Application.objects.filter(state=State.AWAITING_PAYMENT).count() == 499
    skipped = BulkItem.objects.get(outcome="skipped")
    assert (skipped.application_id, skipped.reason) == (late.pk, "changed")
    job.refresh_from_db()
    assert (job.done, job.total) == (500, 500)
    text = (job.folder / job.result_file).read_text(encoding="utf-8-sig")
    assert late.grouped_number in text


def test_a_stop_in_the_middle_leaves_the_rest_alone_and_the_page_goes_on(monday, cast, client, monkeypatch):
    """UX-C7, REL-R: stopped while it runs; the pages say what is done and what is left, and one button goes on."""
    ready(cast, 5)
    monkeypatch.setattr(many, "AT_ONCE", 1)
    monkeypatch.setattr(progress, "BEAT_SECONDS", 0)
    whole_round = many.approve_round
    sign_in(client, cast.clerk)
    answer = client.post(reverse("enrollment:bulk_select"), {"all": "1", "in": "tab=decide"})
    bulk = BulkDecision.objects.get()
    start, page = reverse("enrollment:bulk_start", args=[bulk.pk]), answer.url
    job_page = client.post(start).url

    def stopped_meanwhile(*args):
        done = whole_round(*args, size=2)
        client.post(reverse("jobs:stop", args=[Job.objects.get().pk]))
        return done

    monkeypatch.setattr(many, "approve_round", stopped_meanwhile)
    assert jobs.run(Job.objects.get().pk) == JobState.STOPPED
    assert Application.objects.filter(state=State.AWAITING_PAYMENT).count() == 2
    assert page in client.get(job_page).content.decode()
    shown = client.get(page)
    assert shown.context["figures"] == {"waiting": 3, "approved": 2, "skipped": 0}
    assert "继续办理剩余3件" in shown.content.decode()
    client.post(start)  # the first button again, from an old page, starts nothing
    assert Job.objects.count() == 1
    monkeypatch.setattr(many, "approve_round", whole_round)
    for _press in range(2):
        client.post(start, {"again": "1"})
    assert Job.objects.count() == 2
    assert not client.get(page).context["is_left"]
    bulk.refresh_from_db()
    assert jobs.run(bulk.job_id) == JobState.DONE
    assert not Application.objects.filter(state=State.UNDER_REVIEW).exists()
    assert client.get(page).context["figures"]["approved"] == 5
    client.post(start, {"again": "1"})
    assert Job.objects.count() == 2


def test_a_request_that_died_leaves_nothing_behind_that_nobody_can_go_on_with(monday, cast, client):
    """UX-C7, REL-R: few cases are done in the request; when its process dies, the page offers the rest later."""
    case = ready(cast)[0]
    sign_in(client, cast.clerk)
    bulk = selection(client, [case])
    BulkDecision.objects.update(started_at=timezone.now())
    page = reverse("enrollment:bulk", args=[bulk.pk])
    assert not client.get(page).context["is_left"]
    monday.shift(timedelta(minutes=3))
    assert client.get(page).context["is_left"]
    client.post(reverse("enrollment:bulk_start", args=[bulk.pk]), {"again": "1"})
    assert jobs.run(Job.objects.get().pk) == JobState.DONE
    case.refresh_from_db()
    assert case.state == State.AWAITING_PAYMENT


def test_a_clerk_whose_role_has_ended_approves_nothing_later(monday, cast):
    """B10, REL-R9: the job asks for the rights again."""
    cases = ready(cast, 2)
    who = actor(cast.clerk)
    bulk = many.select(actor=who, grant_id=None, view=queueing.read({}, who), pks=[case.pk for case in cases])
    BulkDecision.objects.update(started_at=timezone.now())
    StaffGrant.objects.filter(user=cast.clerk).update(valid_until=timezone.localdate() - timedelta(days=1))
    job = jobs.start(many.KIND, owner_id=cast.clerk.pk, params={"bulk": str(bulk.pk)}, total=2)
    assert jobs.run(job.pk) == JobState.DONE
    assert set(BulkItem.objects.values_list("outcome", "reason")) == {("skipped", "rights")}
    assert Application.objects.filter(state=State.UNDER_REVIEW).count() == 2


def test_a_selection_is_the_clerk_s_own_and_holds_only_what_they_see(monday, cast, client):
    """B10: a colleague gets 404; strange, foreign and broken keys select nothing."""
    foreign = journeys.under_review(cast.wang, town="450305001")
    own = ready(cast)[0]
    sign_in(client, cast.clerk)
    bulk = selection(client, [foreign, own])
    assert list(bulk.items.values_list("application", flat=True)) == [own.pk]
    nothing = client.post(reverse("enrollment:bulk_select"), {"pk": ["x", ""]})
    assert nothing.url.startswith(reverse("enrollment:queue"))
    sign_in(client, cast.second_clerk)
    for name in ("bulk", "bulk_file"):
        assert client.get(reverse(f"enrollment:{name}", args=[bulk.pk])).status_code == 404
    assert client.post(reverse("enrollment:bulk_start", args=[bulk.pk])).status_code == 404
