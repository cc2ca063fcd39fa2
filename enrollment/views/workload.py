"""The figures of the desk: what came and went each day, and how old the open cases are (UX-C2)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from enrollment import workload as services
from enrollment.navigation import DESK_ROLES
from portal.people.access import require_role


@require_role(*DESK_ROLES)
@never_cache
@require_safe
def workload(request: HttpRequest) -> HttpResponse:
    """Plots of the own office or county with the tables behind them; they hold numbers and no person."""
    return render(request, "enrollment/workload.html", {"figures": services.figures(request.actor)})
