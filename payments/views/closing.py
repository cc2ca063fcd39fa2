"""Closing a day: what each source says about it, and the difference that keeps it open."""

from datetime import date, datetime
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from payments import closing as services
from payments import tills
from payments.channels import channel_names, channels
from payments.forms import CloseForm
from payments.models import DayClose, Payment
from payments.models.notices import CITY_DEPTH
from payments.sandbox.statements import KINDS
from portal import audit
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request
from portal.regions.models import Region
from portal.regions.policy_values import Channel

LISTED = 60


def _region(request: Request) -> Region:
    """The area whose books this actor keeps."""
    return get_object_or_404(Region, code=request.actor.region_code)


def _sees_placeless(request: Request) -> bool:
    """Whether this actor looks after money for which no place is known: who keeps the books of a city or more."""
    path = request.actor.region_path
    return bool(path) and path.count("/") <= CITY_DEPTH


@require_role(Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR)
@never_cache
@require_safe
def days(request: Request) -> HttpResponse:
    """Days of the area that are not closed yet, and those that are; tills that nobody has counted."""
    region = _region(request)
    names = channel_names(region)
    places = [region, None] if _sees_placeless(request) else [region]
    rows = [
        {
            "on": on,
            "channel": channel,
            "name": names.get(channel, channel),
            "count": count,
            "total": total,
            "placeless": place is None,
        }
        for place in places
        for on, channel, count, total in services.open_days(place)
    ]
    closed = list(DayClose.objects.visible_to(request.actor).select_related("region")[:LISTED])
    for row in closed:
        row.name = names.get(row.channel, row.channel)
    here = Payment.objects.filter(region__in=Region.objects.within_path(region.path))
    context = {
        "rows": rows[:LISTED],
        "more": max(0, len(rows) - LISTED),
        "closed": closed,
        "region": region,
        "tills": tills.open_tills(here),
    }
    return render(request, "payments/days.html", context)


@require_role(Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def day(request: Request, on: str, channel: str) -> HttpResponse:
    """One day of one channel, source by source; a cashier closes it here when it balances."""
    own, chosen = _region(request), _day(on)
    placeless = "placeless" in request.GET
    if placeless and not _sees_placeless(request):
        raise Http404
    region = None if placeless else own
    is_cashier = request.actor.role == Role.CASHIER
    if request.method == "POST" and not is_cashier:
        return HttpResponse(status=403)
    found = services.sheet(region=region, channel=channel, on=chosen)
    is_proved = found.by_statement or found.is_counted
    form = CloseForm(request.POST if request.method == "POST" else None, is_proved=is_proved)
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
            return redirect(request.get_full_path())
    context = {
        "sheet": found,
        "name": channel_names(own).get(channel, channel),
        "differences": [] if found.closed else differences,
        "form": form if is_cashier and found.closed is None else None,
        "refused": form.is_bound and bool(differences) and found.closed is None,
        "needs_statement": bool(found.by_statement and found.unproved and is_cashier),
        "demo_files": _demo_files(channels(own).get(channel), chosen) if settings.DEMO else [],
    }
    return render(request, "payments/day.html", context, status=409 if context["refused"] else 200)


def _demo_files(channel: Channel | None, on: date) -> list[tuple[str, str]]:
    """Where the demo's bank gives the statements of this channel and day: (name, address)."""
    if channel is not None and channel.bank_code:
        query = urlencode({"on": on.isoformat(), "bank": channel.bank_code})
        return [(channel.name, f"{reverse('payments:sandbox_statement', args=['bank'])}?{query}")]
    if channel is not None and not channel.online:
        return []
    query = urlencode({"on": on.isoformat()})
    kinds = [(code, label) for code, label in KINDS if code != "bank"]
    return [(str(label), f"{reverse('payments:sandbox_statement', args=[code])}?{query}") for code, label in kinds]


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise Http404 from error
