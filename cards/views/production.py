"""Production: batches of approved applications, the producer's file, and its report."""

import csv
import io
import zipfile

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cards import batches, pictures
from cards.forms import ReportForm
from cards.models import BatchLine, CardApplication, ProductionBatch
from cards.photo import PhotoSource
from cards.states import State
from cards.views.desk import READERS
from portal import audit
from portal.design.cells import as_text
from portal.people.access import require_role
from portal.people.actors import Role
from portal.regions.models import Region

SHOWN = 50
HEAD = (
    *("application_number", "name", "sex", "birth_date", "identity_number", "region", "pickup_point", "promised_on"),
    *("photo_source", "photo_receipt"),
)


@require_role(*READERS)
@require_safe
def production(request: HttpRequest) -> HttpResponse:
    """What waits to be sent to the producer, and the batches sent."""
    waiting = CardApplication.objects.visible_to(request.actor).filter(state=State.IN_PRODUCTION)
    batches = list(ProductionBatch.objects.visible_to(request.actor).select_related("made_by")[:SHOWN])
    lines = BatchLine.objects.filter(batch__in=batches).values_list("batch_id", "report")
    counted: dict[int, list[str]] = {batch.pk: [] for batch in batches}
    for batch_id, report in lines:
        counted[batch_id].append(report)
    context = {
        "waiting": waiting.exclude(batch_lines__report=BatchLine.Report.NONE).count(),
        "batches": [
            {
                "batch": batch,
                "total": len(counted[batch.pk]),
                "arrived": counted[batch.pk].count(BatchLine.Report.ARRIVED),
                "failed": counted[batch.pk].count(BatchLine.Report.FAILED),
            }
            for batch in batches
        ],
    }
    return render(request, "cards/production.html", context)


@require_role(Role.CARD_CLERK)
@require_POST
def make_batch(request: HttpRequest) -> HttpResponse:
    """Puts what was approved into one batch."""
    region = get_object_or_404(Region, code=request.actor.region_code)
    made = batches.make_batch(actor=request.actor, region=region)
    return redirect("cards:batch", made.pk) if made else redirect("cards:production")


@require_role(*READERS)
@require_safe
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    """One batch, with what the producer reported of each application."""
    found = get_object_or_404(ProductionBatch.objects.visible_to(request.actor).select_related("made_by"), pk=pk)
    lines = found.lines.select_related("application__resident", "application__pickup_point").order_by("id")
    return render(request, "cards/batch.html", {"batch": found, "lines": lines})


@require_role(Role.CARD_CLERK)
@never_cache
@require_safe
def batch_file(request: HttpRequest, pk: int) -> HttpResponse:
    """The file for the producer; a cell can never begin a formula. Every download is recorded."""
    found = get_object_or_404(ProductionBatch.objects.visible_to(request.actor), pk=pk)
    lines = found.lines.select_related("application__resident", "application__region", "application__pickup_point")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for line in lines.order_by("id"):
        writer.writerow([as_text(cell) for cell in _cells(line.application)])
    audit.record("cards.batch_file", request.actor, subject=found)
    # The mark in front tells spreadsheets that this is UTF-8.
    response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="cards-{found.number}.csv"'
    response["Cache-Control"] = "no-store"
    return response


@require_role(Role.CARD_CLERK)
@never_cache
@require_safe
def batch_pictures(request: HttpRequest, pk: int) -> HttpResponse:
    """The pictures that go on the cards of a batch, each named by its application; every download is recorded (N14).

    A batch has at most 500 applications and a picture some 40 KB, so that the archive is made in memory. What the
    police have on file without a copy here is not in it: the producer takes it from the registry.
    """
    found = get_object_or_404(ProductionBatch.objects.visible_to(request.actor), pk=pk)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for line in found.lines.select_related("application__resident").order_by("id"):
            picture = pictures.picture_of(line.application)
            if picture is not None:
                archive.writestr(f"{line.application.number}.jpg", picture)
    audit.record("cards.batch_pictures", request.actor, subject=found)
    response = HttpResponse(out.getvalue(), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="cards-{found.number}-photos.zip"'
    response["Cache-Control"] = "no-store"
    return response


def _cells(application: CardApplication) -> list[str]:
    resident, point = application.resident, application.pickup_point
    by_receipt = application.photo_source == PhotoSource.RECEIPT
    return [
        application.number or "",
        resident.name,
        resident.sex,
        resident.birth_date.isoformat() if resident.birth_date else "",
        resident.identity_number,
        application.region.code,
        point.code if point else "",
        application.promised_on.isoformat() if application.promised_on else "",
        application.photo_source,
        application.answers.get("receipt_number", "") if by_receipt else "",
    ]


@require_role(Role.CARD_CLERK)
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """Books arrivals and failures: scanned, typed, or from the producer's file."""
    form = ReportForm(
        request.POST if request.method == "POST" else None, request.FILES if request.method == "POST" else None
    )
    result = None
    if request.method == "POST" and form.is_valid():
        result = batches.report_production(
            actor=request.actor,
            region=get_object_or_404(Region, code=request.actor.region_code),
            arrived=form.cleaned_data["arrived"],
            failed=form.cleaned_data["failed"],
        )
        form = ReportForm()
    return render(request, "cards/report.html", {"form": form, "result": result})
