"""The front page: what can be done here, for whom, and where else help is found."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.design.context import address
from portal.help.guides import all_guides
from portal.regions import public

FEATURED_GUIDES = ("how-to-join", "materials", "paying", "cover", "get-card", "card-service")


@login_not_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Shows the two journeys, the look-ups and the guides; a place chosen before is kept."""
    guides = all_guides()
    context = {
        "region": public.chosen(request),
        "cities": public.cities(),
        "card_url": address("cards:about") or address("help:page", "card-online"),
        "guides": [guides[slug] for slug in FEATURED_GUIDES],
    }
    return render(request, "home/home.html", context)
