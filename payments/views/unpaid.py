"""What is not paid yet in the own area, nearest pay-by date first: whom to call before the cover is lost."""

from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from payments.models import Notice
from payments.states import State
from portal import audit
from portal.design.paging import Order, keyed_page
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request
from portal.regions import calendar

READERS = (Role.CLERK, Role.COUNTY_REVIEWER, Role.CASHIER, Role.AUDITOR)
SOON_DAYS = 7
PARTS = {"soon": _("Due within seven days"), "over": _("Pay-by date passed"), "all": _("All unpaid")}
BY_DUE_DAY = Order("due_on", by_day=True)


@require_role(*READERS)
@never_cache
@require_safe
def unpaid(request: Request) -> HttpResponse:
    """One page of unpaid notices; the household's own stand there too, because nothing is decided here."""
    chosen = request.GET.get("part", "")
    part = chosen if chosen in PARTS else "soon"
    rows, page = keyed_page(
        [_part(Notice.objects.visible_to(request.actor), part, calendar.today())],
        BY_DUE_DAY,
        after=request.GET.get("after", ""),
        query={"part": part},
        load=_loaded,
    )
    audit.record("notice.unpaid_list", request.actor, details={"part": part, "rows": len(rows)})
    tabs = [{"label": label, "url": f"?part={code}", "current": code == part} for code, label in PARTS.items()]
    return render(
        request, "payments/unpaid.html", {"rows": rows, "page": page, "tabs": tabs, "today": calendar.today()}
    )


def _part(rows: QuerySet[Notice], part: str, today: date) -> QuerySet[Any]:
    """The open notices of one part; members of a collective notice stand for themselves."""
    unpaid_rows = rows.filter(state=State.ISSUED, members=None)
    if part == "over":
        return unpaid_rows.filter(due_on__lt=today)
    if part == "soon":
        return unpaid_rows.filter(due_on__gte=today, due_on__lte=today + timedelta(days=SOON_DAYS))
    return unpaid_rows


def _loaded(pks: list[Any]) -> list[Notice]:
    return list(Notice.objects.filter(pk__in=pks).select_related("region", "resident"))
