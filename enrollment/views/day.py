"""The end of the day: what a clerk decided, to print or to take along as a file (UX-C14)."""

import csv
import io
from collections import Counter
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from enrollment import undoing
from enrollment.models import ApplicationTimelineEntry
from enrollment.navigation import DECIDERS
from enrollment.workflow import EnrollmentWorkflow
from portal import audit
from portal.design.cells import as_text
from portal.design.text import format_moment
from portal.people.access import require_role
from portal.people.actors import Actor
from portal.regions import calendar

RECORDED = (*undoing.DECISIONS, "reopen", "county_reopen")
MOST = 2_000


@require_role(*DECIDERS)
@require_safe
def day(request: HttpRequest) -> HttpResponse:
    """What the clerk decided on a day, with sums; as CSV where the address asks for it."""
    on = _day(request.GET.get("on", ""))
    rows = decided_by(request.actor, on)
    if request.GET.get("as") == "csv":
        return _file(request, on, rows)
    sums = Counter(row["label"] for row in rows)
    today = calendar.today()
    context = {
        "on": on,
        "rows": rows,
        "sums": sorted(sums.items()),
        "total": len(rows),
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1) if on < today else None,
        "most": MOST,
    }
    return render(request, "enrollment/day.html", context)


def decided_by(actor: Actor, on: date) -> list[dict[str, Any]]:
    """Every decision of a person on a local date, in the order in which they were made, with what stands now."""
    entries = (
        ApplicationTimelineEntry.objects.filter(
            actor_user_id=actor.user_id,
            at__gte=calendar.start_of_day(on),
            at__lt=calendar.end_instant(on),
            transition__in=RECORDED,
        )
        .select_related("subject__beneficiary", "subject__region")
        .defer("subject__answers_cipher", "subject__facts")
        .order_by("at", "id")[:MOST]
    )
    labels = {name: str(one.label) for name, one in EnrollmentWorkflow.transitions.items()}
    return [
        {"at": entry.at, "application": entry.subject, "label": labels[entry.transition], "codes": entry.codes}
        for entry in entries
    ]


def _day(text: str) -> date:
    try:
        found = parse_date(text)
    except ValueError:
        found = None
    today = calendar.today()
    return min(found, today) if found is not None else today


def _file(request: HttpRequest, on: date, rows: list[dict[str, Any]]) -> HttpResponse:
    """The list as a file that no spreadsheet takes for formulas; the download is recorded."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_("Time"), _("Number"), _("Person to insure"), _("Place"), _("Decision"), _("State")])
    for row in rows:
        application = row["application"]
        person = application.beneficiary.masked_name if application.beneficiary else ""
        cells = [
            format_moment(row["at"]),
            application.grouped_number,
            person,
            application.region.name,
            row["label"],
            application.state_label,
        ]
        writer.writerow([as_text(cell) for cell in cells])
    audit.record("enrollment.day_file", request.actor, details={"on": on.isoformat(), "rows": len(rows)})
    # The mark in front tells spreadsheets that this is UTF-8.
    response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="decisions-{on.isoformat()}.csv"'
    response["Cache-Control"] = "no-store"
    return response
