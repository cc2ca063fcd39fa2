"""The front page, and the look-up of a case without an account."""

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from cards.models import CardApplication
from enrollment.models import Application
from portal.design.context import address
from portal.help.guides import all_guides
from portal.home.forms import LookupForm
from portal.home.lookup import look_up, number_of
from portal.people import questions
from portal.people.access import public as open_to_all
from portal.people.requests import acting
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


@open_to_all
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def lookup(request: HttpRequest) -> HttpResponse:
    """Tells stage and next step of a case to whoever has its number and the end of the identity number (N11, F2).

    Both are posted and answered in the same response, so that no address, history or log holds them.
    """
    asked = questions.one_at_a_time(request, LookupForm)
    form = asked or LookupForm(request.POST if request.method == "POST" else None)
    standing = None
    if request.method == "POST" and asked is None and form.is_valid():
        standing = look_up(request, form.cleaned_data["number"], form.cleaned_data["end"])
        if standing is None:
            form.add_error(None, _("We find no case with these two. Compare both with your paper, digit by digit."))
    return render(request, "home/lookup.html", {"form": form, "standing": standing})


@open_to_all
@never_cache
@require_safe
def lookup_case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where the code on a paper leads: to the progress for who may see it, else to the look-up with the number."""
    for rows, page in ((Application.objects, "enrollment:application"), (CardApplication.objects, "cards:application")):
        if acting(request).is_resident and rows.visible_to(acting(request)).filter(pk=pk).exists():
            return redirect(page, pk)
    return render(request, "home/lookup.html", {"form": LookupForm(initial={"number": number_of(pk)})})
