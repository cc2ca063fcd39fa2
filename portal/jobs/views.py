"""Progress pages: only the account that started a job sees it."""

from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.jobs import services
from portal.jobs.models import Job, JobState
from portal.jobs.registry import runners

REFRESH_SECONDS = 3


class JobRequest(HttpRequest):
    """A request after the middleware has said who acts; the people who may act are none of this app's knowledge."""

    actor: Any


@never_cache
@require_safe
def show(request: JobRequest, job_id: UUID) -> HttpResponse:
    """Shows how far a job is; the page renews itself while the job lives, with scripts or without."""
    job = get_object_or_404(Job.objects.visible_to(request.actor), pk=job_id)
    entry = runners.get(job.kind)
    onward = ""
    if entry and entry.finished_url and not job.is_live:
        onward = entry.finished_url(job.params)
    has_file = bool(job.result_file and entry and entry.hands_out_file)
    context = {"job": job, "onward": onward, "has_file": has_file, "refresh_seconds": REFRESH_SECONDS}
    return render(request, "jobs/job.html", context)


@require_POST
def stop(request: JobRequest, job_id: UUID) -> HttpResponse:
    """Stops a job: at once when it waits, after its present step when it runs."""
    job = get_object_or_404(Job.objects.visible_to(request.actor), pk=job_id)
    services.request_stop(job)
    return redirect("jobs:show", job_id=job.pk)


@never_cache
@require_safe
def download(request: JobRequest, job_id: UUID) -> FileResponse:
    """Hands out the file a finished job made, to its owner alone."""
    job = get_object_or_404(Job.objects.visible_to(request.actor), pk=job_id, state=JobState.DONE)
    path = job.folder / job.result_file
    entry = runners.get(job.kind)
    if not job.result_file or not path.is_file() or (entry and not entry.hands_out_file):
        raise Http404
    response = FileResponse(path.open("rb"), as_attachment=True, filename=job.result_file)
    response["Cache-Control"] = "no-store"
    response["Content-Security-Policy"] = "sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    return response
