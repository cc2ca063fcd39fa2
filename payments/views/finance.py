"""The finance page of an area: plots with their tables, and the tables as files."""

import csv

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from payments import finance as services
from portal import audit
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request
from portal.regions.models import Region

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def _region(request: Request) -> Region:
    return get_object_or_404(Region, code=request.actor.region_code)


@require_role(Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR)
@never_cache
@require_safe
def finance(request: Request) -> HttpResponse:
    """What came in, how far the collection is, what is getting old: in the actor's own area."""
    region = _region(request)
    context = {"region": region, "figures": services.figures(region, request.actor)}
    return render(request, "payments/finance.html", context)


@require_role(Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR)
@never_cache
@require_safe
def table(request: Request, table: str) -> HttpResponse:
    """The table behind one plot as CSV with a byte order mark, for spreadsheets; formulas are made text (REL-X2)."""
    region = _region(request)
    found = next((one for one in services.figures(region, request.actor) if one.code == table), None)
    if found is None:
        raise Http404
    audit.record("finance.exported", request.actor, details={"table": table})
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{table}-{region.code}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    writer = csv.writer(response)
    for row in (found.head, *found.rows):
        writer.writerow([f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell for cell in row])
    return response
