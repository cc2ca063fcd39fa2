"""What operators look at each morning: what the worker gave up on, what failed, what did not go out (I8, UX-A10).

The page names cases by their numbers only. Buttons put back what is safe to do again: every move, reaction and job is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages as notes
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal import audit
from portal.jobs import services as jobs
from portal.jobs.models import Job, JobState
from portal.jobs.nudge import nudge
from portal.outbox.models import Message, MessageState
from portal.people.access import require_role
from portal.people.actors import Actor, Role
from portal.people.models import StaffGrant
from portal.people.requests import Request
from portal.regions import calendar
from portal.regions.models import CalendarYear
from portal.regions.models.places import covers

from . import health, instants, reacting, rounds
from .core import Workflow
from .models import Heartbeat, ReactionFailure
from .stories import workflow_of

READERS = (Role.ADMIN, Role.AUDITOR)
SHOWN = 100


@require_role(*READERS)
@require_safe
def operations(request: Request) -> HttpResponse:
    """Health, queues, oldest due case and every kind of failure on one page."""
    rows = _with_regions(rounds.given_up(SHOWN))
    rows = [row for row in rows if in_care_of(request.actor, row)]
    # The auditor reads what the administrator of the same region looks after.
    stuck = Message.objects.in_care_of(replace(request.actor, role=Role.ADMIN)).stuck()
    context = {
        "sweep_age": health.sweep_age(),
        "oldest_due": health.oldest_due(),
        "beats": Heartbeat.objects.order_by("name"),
        "given_up": [(workflow_of(row), row) for row in rows],
        "reactions": [
            row
            for row in reacting.waiting().order_by("next_try_at", "id")[:SHOWN]
            if reaction_in_care_of(request.actor, row)
        ],
        "failed_jobs": [
            job
            for job in Job.objects.filter(state=JobState.FAILED).order_by("-finished_at")[:SHOWN]
            if job_in_care_of(request.actor, job)
        ],
        "live_jobs": Job.objects.filter(finished_at=None).order_by("created_at")[:SHOWN],
        "stuck_messages": stuck[: SHOWN + 1].count(),
        "waiting_messages": Message.objects.filter(state=MessageState.PENDING, next_try_at__lte=instants.now())[
            : SHOWN + 1
        ].count(),
        "years": CalendarYear.objects.filter(year__gte=calendar.today().year).order_by("year"),
        "may_retry": request.actor.role == Role.ADMIN,
        "shown": SHOWN,
    }
    return render(request, "workflow/operations.html", context)


def _with_regions(rows: list[Any]) -> list[Any]:
    """The rows with their regions read at once, one query per kind of subject."""
    for model in {type(row) for row in rows}:
        if hasattr(model, "region"):
            prefetch_related_objects([row for row in rows if type(row) is model], "region")
    return rows


def in_care_of(actor: Actor, row: Any) -> bool:
    """Whether a case lies in the reader's region; one without a region is everybody's."""
    region = getattr(row, "region", None)
    return region is None or not actor.region_path or covers(actor.region_path, region.path)


def reaction_in_care_of(actor: Actor, failure: ReactionFailure) -> bool:
    """Whether one of the cases a reaction failed on lies in the reader's region; one without cases is everybody's."""
    workflow = Workflow.registry.get(failure.workflow)
    if workflow is None or not failure.entry_ids:
        return True
    timeline: Any = workflow.timeline
    entries = timeline.objects.filter(pk__in=failure.entry_ids[:SHOWN]).select_related("subject")
    subjects = [entry.subject for entry in entries]
    return not subjects or any(in_care_of(actor, subject) for subject in subjects)


def job_in_care_of(actor: Actor, job: Job) -> bool:
    """Whether the owner of a job works in the reader's region; the portal's own jobs are everybody's."""
    if job.owner_id is None or not actor.region_path:
        return True
    paths = StaffGrant.objects.live().filter(user=job.owner_id).values_list("region__path", flat=True)
    return any(covers(actor.region_path, path) for path in paths)


@require_role(Role.ADMIN)
@require_POST
def retry_case(request: Request, workflow: str, pk: UUID) -> HttpResponse:
    """Puts a case the sweep gave up on back into it."""
    found = Workflow.registry.get(workflow)
    row = found.failed().filter(pk=pk).first() if found else None
    if found is None or row is None or not in_care_of(request.actor, row):
        raise Http404
    found.retry([pk])
    audit.record("operations.case_retried", request.actor, subject=row)
    nudge("portal.workflow.tasks.sweep", queue="sweep")
    notes.success(request, _("Put back. The worker takes it at its next round."))
    return redirect("workflow:operations")


@require_role(Role.ADMIN)
@require_POST
def retry_reaction(request: Request, pk: int) -> HttpResponse:
    """Lets the worker try a failed reaction again at once."""
    failure = get_object_or_404(reacting.waiting(), pk=pk)
    if not reaction_in_care_of(request.actor, failure):
        raise Http404
    ReactionFailure.objects.filter(pk=failure.pk).update(next_try_at=instants.now(), attempts=1)
    audit.record("operations.reaction_retried", request.actor, subject=failure)
    nudge("portal.workflow.tasks.sweep", queue="sweep")
    notes.success(request, _("Put back. The worker takes it at its next round."))
    return redirect("workflow:operations")


@require_role(Role.ADMIN)
@require_POST
def retry_job(request: Request, pk: UUID) -> HttpResponse:
    """Puts a failed job back to work; it goes on where it stopped."""
    job = get_object_or_404(Job.objects.filter(state=JobState.FAILED), pk=pk)
    if not job_in_care_of(request.actor, job):
        raise Http404
    if jobs.retry(job):
        audit.record("operations.job_retried", request.actor, subject=job)
        notes.success(request, _("The job goes on where it stopped."))
    return redirect("workflow:operations")
