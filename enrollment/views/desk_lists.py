"""The desk's lists beside the queue: powers of attorney and registrations for the employees' scheme, page by page."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from enrollment.models import Mandate, MandateState, Period, Registration
from enrollment.navigation import DESK_ROLES
from portal.design.paging import Order, capped_count, count_words, keyed_page
from portal.people.access import require_role
from portal.regions import calendar

Part = tuple[Any, QuerySet[Any], Order]
"""A part of a list: its label, its rows, and the order in which they are read."""


@require_role(*DESK_ROLES)
@require_safe
def mandates(request: HttpRequest) -> HttpResponse:
    """Powers of attorney: those that wait for their paper, oldest first; those in force and those that ended (A10)."""
    rows = Mandate.objects.visible_to(request.actor)
    newest = Order("declared_at", forward=False)
    parts = {
        "waiting": (_("Waiting for the paper"), rows.open(), Order("declared_at")),
        "confirmed": (_("Paper seen, in force"), rows.filter(state=MandateState.CONFIRMED), newest),
        "closed": (
            _("Not accepted or taken back"),
            rows.filter(state__in=[MandateState.REFUSED, MandateState.WITHDRAWN]),
            newest,
        ),
    }

    def load(pks: list[UUID]) -> list[Any]:
        return list(Mandate.objects.filter(pk__in=pks).select_related("agent", "office"))

    return _page(request, "enrollment/attorney_desk.html", parts, load)


@require_role(*DESK_ROLES)
@require_safe
def registrations(request: HttpRequest) -> HttpResponse:
    """The employees' scheme: what waits for the office, who is in arrears, what runs, what has ended (S3-09, C3)."""
    today = calendar.today()
    rows = Registration.objects.visible_to(request.actor)
    late = Exists(Period.objects.filter(registration=OuterRef("pk"), paid_on__isnull=True, due_on__lt=today))
    latest = Order("accepted_at", forward=False)
    standing = rows.standing()
    parts = {
        "waiting": (
            _("To take over"),
            rows.filter(accepted_at__isnull=True, ended_on__isnull=True),
            Order("handed_in_at"),
        ),
        "late": (_("In arrears"), standing.filter(late), Order("accepted_at")),
        "running": (_("Running"), standing.filter(~late), latest),
        "ended": (
            pgettext("registration", "Ended"),
            rows.filter(ended_on__isnull=False),
            Order("handed_in_at", forward=False),
        ),
    }

    def load(pks: list[UUID]) -> list[Any]:
        found = Registration.objects.filter(pk__in=pks).with_arrears(today)
        return list(found.select_related("resident", "office"))

    return _page(request, "enrollment/coordination_desk.html", parts, load)


def _page(
    request: HttpRequest, template: str, parts: Mapping[str, Part], load: Callable[[list[UUID]], list[Any]]
) -> HttpResponse:
    chosen = request.GET.get("tab", "")
    current = chosen if chosen in parts else next(iter(parts))
    _label, rows, order = parts[current]
    found, page = keyed_page([rows], order, after=request.GET.get("after", ""), query={"tab": current}, load=load)
    tabs = [
        {"label": label, "url": f"?tab={code}", "current": code == current, "count": count_words(capped_count([some]))}
        for code, (label, some, _order) in parts.items()
    ]
    return render(request, template, {"tabs": tabs, "rows": found, "page": page})
