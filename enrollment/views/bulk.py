"""Pages of a decision over many cases: select, preview, start, result (UX-C7)."""

import csv
import io
from uuid import UUID

from django.contrib import messages as notes
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from enrollment import bulk as many
from enrollment import queueing
from enrollment.models import BulkDecision
from enrollment.navigation import DECIDERS
from portal.people import sessions
from portal.people.access import require_role


@require_role(*DECIDERS)
@require_POST
def bulk_select(request: HttpRequest) -> HttpResponse:
    """Keeps what was ticked, or all of the filter, and leads to the preview."""
    view = queueing.read(QueryDict(request.POST.get("in", "")[:500]), request.actor)
    pks = None if request.POST.get("all") == "1" else [pk for text in request.POST.getlist("pk") if (pk := _uuid(text))]
    if pks == []:
        notes.error(request, _("Tick at least one case first."))
        return redirect(f"{reverse('enrollment:queue')}?{view.address}")
    selection = many.select(actor=request.actor, grant_id=request.session.get(sessions.GRANT), view=view, pks=pks)
    return redirect("enrollment:bulk", selection.pk)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def own_bulk(request: HttpRequest, pk: UUID) -> BulkDecision:
    """The decision if it is this clerk's own, else 404."""
    return get_object_or_404(BulkDecision.objects.visible_to(request.actor), pk=pk)


@require_role(*DECIDERS)
@require_safe
def bulk(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What will and what will not happen and why; afterwards what became of each case."""
    found = own_bulk(request, pk)
    context = {
        "bulk": found,
        "back": f"{reverse('enrollment:queue')}?{found.query}",
        "most": many.MOST,
        "preview": many.preview(found, request.actor) if found.started_at is None else None,
        "left": [],
        "figures": many.figures(found) if found.started_at is not None else {},
        "is_left": many.is_left(found),
        "results": [],
    }
    preview = context["preview"]
    if preview is not None:
        context["left"] = [(item.application, many.REASONS[reason]) for item, reason in preview.left]
    else:
        context["results"] = [(item.application_id, *many.result_of(item)) for item in many.dealt_with(found)]
    return render(request, "enrollment/bulk.html", context)


@require_role(*DECIDERS)
@require_POST
def bulk_start(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Starts what the preview showed, once; what a stop has left only where the page of the result asks for it."""
    step = many.go_on if request.POST.get("again") == "1" else many.start
    found = step(own_bulk(request, pk), request.actor)
    if found.job_id and found.finished_at is None:
        return redirect("jobs:show", found.job_id)
    return redirect("enrollment:bulk", found.pk)


@require_role(*DECIDERS)
@require_safe
def bulk_file(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The result of each case as a file."""
    found = own_bulk(request, pk)
    if found.started_at is None:
        raise Http404
    out = io.StringIO()
    many.write_results(found, csv.writer(out))
    response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="result.csv"'
    response["Cache-Control"] = "no-store"
    return response
