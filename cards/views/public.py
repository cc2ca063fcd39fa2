"""Before sign-in: who may apply for a card, what it takes, and the chooser of the self-service window."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from cards.forms import EntryForm
from cards.progress import channel_names
from enrollment.views.public import chosen_region, pick_first
from portal.regions import materials
from portal.regions import policy as policies
from portal.regions.models import Office


@dataclass(frozen=True)
class Service:
    """A service for a card somebody already has; the portal explains it, the card office does it (D13)."""

    kind: str
    scenario: str
    title: Any
    text: Any


SERVICES = {
    service.kind: service
    for service in (
        Service(
            "lost",
            "replacement",
            _("Card lost"),
            _("Stop the card first. Then report the loss formally at the card office and order a new card there."),
        ),
        Service(
            "damaged",
            "exchange",
            _("Card damaged"),
            _("A card that cannot be read is exchanged at the card office; bring the old card."),
        ),
        Service(
            "expired",
            "exchange",
            _("Card expired"),
            _("A card near its end is exchanged at the card office; the old one stays usable until then."),
        ),
        Service(
            "password",
            "pin_reset",
            _("Change or reset the card password"),
            _("The password is changed or reset at the card office. This site never stores it and never asks for it."),
        ),
    )
}


@login_not_required
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """Who may apply, what to bring, cost, time and place here (S4-01 to S4-04, S4-21, S4-22, S2-01 to S2-08)."""
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    policy = policies.for_region(region)
    context = {
        "region": region,
        "fee": policy.fee("card_first"),
        "promise_days": policy.days("card.promise"),
        "channels": policy.channels("nontax"),
        "to_apply": materials.groups(policy.materials("first_card", {})),
        "to_collect": materials.groups(policy.materials("card_pickup", {})),
        "points": Office.objects.serving(region, ["pickup_point"])[:12],
        "office": Office.objects.responsible_for(region, "card_office"),
        "activation": policy.setting("card.activation"),
        "activation_ways": channel_names(policy),
        "receipt": policy.setting("photo.receipt"),
        "hotline": policy.setting("card.hotline", "12333"),
        "legal_card": policy.setting("legal.card", []),
        "legal_workers": policy.setting("legal.workers", []),
        "services": list(SERVICES.values()),
    }
    return render(request, "cards/about.html", context)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def entry(request: HttpRequest) -> HttpResponse:
    """The self-service window: business type, object, related business, apply or query (S4-05, S4-06)."""
    form = EntryForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["related"] == "loss":
            return redirect("cards:service", "lost")
        if form.cleaned_data["action"] == "query" or form.cleaned_data["related"] == "activation":
            return redirect("cards:mine")
        region = chosen_region(request)
        # Signing in begins a new session, so the place travels in the address.
        query = f"?{urlencode({'region': region.code})}" if region else ""
        return redirect(f"{reverse('cards:start')}{query}")
    return render(request, "cards/entry.html", {"form": form})


@login_not_required
@require_safe
def service(request: HttpRequest, kind: str) -> HttpResponse:
    """Lost, damaged, expired, password: fee, papers and where to go (D13, S2-13)."""
    if kind not in SERVICES:
        raise Http404
    region = chosen_region(request)
    if region is None:
        return pick_first(request)
    policy = policies.for_region(region)
    scenario = SERVICES[kind].scenario
    listed = policy.materials(scenario, {}) if scenario in policy.scenarios() else []
    context = {
        "kind": kind,
        "shown": SERVICES[kind],
        "services": list(SERVICES.values()),
        "region": region,
        "fee": None if kind == "password" else policy.fee("card_replacement"),
        "materials": materials.groups(listed),
        "office": Office.objects.responsible_for(region, "card_office"),
        "loss_days": policy.setting("card.temporary_loss_days"),
        "hotline": policy.setting("card.hotline", "12333"),
    }
    return render(request, "cards/service.html", context)
