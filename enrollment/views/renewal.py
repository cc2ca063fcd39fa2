"""The renewal campaign's pages: preview, start, progress, stop, go on."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import renewal
from enrollment.models import CAMPAIGN_READERS, CAMPAIGN_ROLES, RenewalCampaign
from enrollment.states import State
from payments.models.print_runs import READERS as PRINTERS
from portal.people.access import require_role
from portal.people.actors import Actor
from portal.people.requests import Request
from portal.regions import calendar
from portal.regions.models import Region

LISTED = 50
REFRESH_SECONDS = 5


class CampaignForm(forms.Form):
    """Which place of the actor's area, and this year or the next; the preview is for exactly these."""

    region = forms.ModelChoiceField(Region.objects.none(), label=gettext_lazy("Region"), empty_label=None)
    cover_year = forms.TypedChoiceField(label=gettext_lazy("Cover year"), coerce=int, widget=forms.RadioSelect)

    def __init__(self, *args: object, actor: Actor, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        here = Region.objects.within_path(actor.region_path)
        self.fields["region"].queryset = here.filter(level__in=renewal.LEVELS, active=True).order_by("path")
        this_year = calendar.today().year
        self.fields["cover_year"].choices = [(year, str(year)) for year in (this_year + 1, this_year)]
        self.fields["cover_year"].initial = this_year + 1


@require_role(*CAMPAIGN_READERS)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def campaigns(request: Request) -> HttpResponse:
    """Campaigns of the area; a preview with counts for a chosen region and year; the start (N17)."""
    may_start = request.actor.role in CAMPAIGN_ROLES
    data = request.POST if request.method == "POST" else request.GET if "region" in request.GET else None
    form = CampaignForm(data, actor=request.actor)
    if request.method == "POST" and form.is_valid() and may_start:
        return _start(request, form)
    found, is_open = None, True
    if form.is_bound and form.is_valid():
        place, year = form.cleaned_data["region"], form.cleaned_data["cover_year"]
        is_open = renewal.is_open(place, year, calendar.today())
        found = renewal.preview(place, year)
    rows = RenewalCampaign.objects.visible_to(request.actor).select_related("region")[:LISTED]
    context = {"form": form, "preview": found, "is_open": is_open, "may_start": may_start, "campaigns": rows}
    return render(request, "enrollment/renewals.html", context)


def _start(request: Request, form: CampaignForm) -> HttpResponse:
    try:
        campaign = renewal.start(form.cleaned_data["region"], form.cleaned_data["cover_year"], actor=request.actor)
    except renewal.NotOpen:
        messages.error(request, _("The premium of this year is not being collected now; nothing was started."))
        return redirect("enrollment:renewals")
    return redirect("enrollment:renewal", campaign.pk)


@require_role(*CAMPAIGN_READERS)
@never_cache
@require_safe
def campaign(request: Request, pk: UUID) -> HttpResponse:
    """How far a campaign is, and what became of its applications."""
    found = _visible(request, pk)
    counts = renewal.counts(found)
    context = {
        "campaign": found,
        "job": renewal.job_of(found),
        "running": renewal.is_running(found),
        "states": [(State(code).label, people) for code, people in counts.items()],
        "made": sum(counts.values()),
        "left_out": [(renewal.LEFT_OUT.get(code, code), people) for code, people in sorted(found.left_out.items())],
        "may_start": request.actor.role in CAMPAIGN_ROLES,
        "may_print": request.actor.role in PRINTERS,
        "refresh_seconds": REFRESH_SECONDS,
    }
    return render(request, "enrollment/renewal.html", context)


@require_role(*CAMPAIGN_ROLES)
@require_POST
def stop(request: Request, pk: UUID) -> HttpResponse:
    """Stops after the present batch."""
    renewal.stop(_visible(request, pk), actor=request.actor)
    messages.success(request, _("The campaign stops after the present batch. What was made stays."))
    return redirect("enrollment:renewal", pk)


@require_role(*CAMPAIGN_ROLES)
@require_POST
def resume(request: Request, pk: UUID) -> HttpResponse:
    """Goes on; nobody is renewed or told twice."""
    found = _visible(request, pk)
    try:
        renewal.start(found.region, found.cover_year, actor=request.actor)
    except renewal.NotOpen:
        messages.error(request, _("The premium of this year is not being collected now; nothing was started."))
    return redirect("enrollment:renewal", pk)


def _visible(request: Request, pk: UUID) -> RenewalCampaign:
    rows = RenewalCampaign.objects.visible_to(request.actor).select_related("region")
    found: RenewalCampaign = get_object_or_404(rows, pk=pk)
    return found
