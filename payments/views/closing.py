"""Closing a day: what each source says about it, and the difference that keeps it open."""

from datetime import date, datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from payments import closing as services
from payments.channels import channel_names
from payments.forms import CloseForm
from payments.models import DayClose
from portal import audit
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request
from portal.regions.models import Region

LISTED = 60


def _region(request: Request) -> Region:
    """The area whose books this actor keeps."""
    return get_object_or_404(Region, code=request.actor.region_code)


@require_role(Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR)
@never_cache
@require_safe
def days(request: Request) -> HttpResponse:
    """Days of the area that are not closed yet, and those that are."""
    region = _region(request)
    names = channel_names(region)
    rows = [
        {"on": on, "channel": channel, "name": names.get(channel, channel), "count": count, "total": total}
        for on, channel, count, total in services.open_days(region)
    ]
    closed = list(DayClose.objects.visible_to(request.actor).select_related("region")[:LISTED])
    for row in closed:
        row.name = names.get(row.channel, row.channel)
    return render(request, "payments/days.html", {"rows": rows[:LISTED], "closed": closed, "region": region})


@require_role(Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def day(request: Request, on: str, channel: str) -> HttpResponse:
    """One day of one channel, source by source; a cashier closes it here when it balances."""
    region, chosen = _region(request), _day(on)
    is_cashier = request.actor.role == Role.CASHIER
    if request.method == "POST" and not is_cashier:
        return HttpResponse(status=403)
    found = services.sheet(region=region, channel=channel, on=chosen)
    form = CloseForm(request.POST if request.method == "POST" else None, by_statement=found.by_statement)
    differences = [] if found.proved_fen is None and len(found.differences) == 1 else found.differences
    if form.is_bound and form.is_valid() and found.closed is None:
        counted = form.cleaned_data.get("counted")
        try:
            closed = services.close_day(
                region=region, channel=channel, on=chosen, counted_fen=counted, actor=request.actor
            )
        except services.NotBalanced as refusal:
            audit.record("day.not_balanced", request.actor, details={"on": on, "channel": channel}, outcome="refused")
            differences = refusal.differences
        except services.TooBusy:
            differences = [_("Payments are being booked at this moment. Try again in a minute.")]
        else:
            audit.record("day.closed", request.actor, subject=closed, details={"on": on, "channel": channel})
            messages.success(request, _("The day is closed."))
            return redirect("payments:day", on, channel)
    context = {
        "sheet": found,
        "name": channel_names(region).get(channel, channel),
        "differences": differences,
        "form": form if is_cashier and found.closed is None else None,
        "refused": form.is_bound and bool(differences),
    }
    return render(request, "payments/day.html", context, status=409 if context["refused"] else 200)


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise Http404 from error
