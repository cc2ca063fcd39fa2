"""Picks the place by which all later pages go."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods

from portal.regions import public
from portal.regions.forms import RegionChoiceForm
from portal.regions.models import Region


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def pick(request: HttpRequest) -> HttpResponse:
    """Asks for the city, the county and the town in turn, and returns to the page that asked (UX-R2)."""
    target = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    code = request.GET.get("within", "")
    within = get_object_or_404(Region.objects.filter(active=True), code=code) if code else None
    places = public.places_in(within) if within else public.cities()
    form = RegionChoiceForm(request.POST or None, places=places, within=within)
    if request.method == "POST" and form.is_valid():
        place = Region.objects.get(code=form.cleaned_data["place"])
        if place != within and public.places_in(place):
            return redirect(f"{reverse('regions:pick')}?{urlencode({'within': place.code, 'next': target})}")
        public.remember(request, place)
        return redirect(target)
    return render(request, "regions/pick.html", {"form": form, "within": within, "next": target})
