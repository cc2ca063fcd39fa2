"""Print runs: choose notices, see how far the file is, fetch it once it is done."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payments import campaigns, print_runs
from payments.models import Kind, PrintRun
from payments.models.print_runs import READERS
from payments.states import State
from portal import audit
from portal.jobs.models import JobState
from portal.jobs.retention import KEEP_FILES_DAYS
from portal.people.access import require_role
from portal.people.actors import Actor
from portal.regions.models import Office, Region

LISTED = 25


class PrintRunForm(forms.Form):
    """What to print, within the area of the actor."""

    region = forms.ModelChoiceField(
        Region.objects.none(),
        label=gettext_lazy("Place"),
        help_text=gettext_lazy("A village, a town, or your whole area."),
        empty_label=None,
    )
    office = forms.ModelChoiceField(
        Office.objects.none(), label=gettext_lazy("Issuing office"), required=False, empty_label=gettext_lazy("All")
    )
    campaign = forms.TypedChoiceField(
        label=gettext_lazy("Campaign"),
        help_text=gettext_lazy("Only the notices of one campaign, within the place."),
        required=False,
        coerce=UUID,
        empty_value=None,
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("What the notices are for"),
        required=False,
        choices=[("", gettext_lazy("All")), *Kind.choices],
    )
    cover_year = forms.IntegerField(
        label=gettext_lazy("Cover year"),
        required=False,
        min_value=2000,
        max_value=2100,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "class": "govuk-input--width-4"}),
        help_text=gettext_lazy("For example 2027. Leave it empty for all years."),
    )
    state = forms.ChoiceField(
        label=gettext_lazy("State"), required=False, choices=[("", gettext_lazy("All")), *State.choices]
    )
    issued_from = forms.DateField(
        label=gettext_lazy("Issued from"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    issued_until = forms.DateField(
        label=gettext_lazy("Issued until"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    language = forms.ChoiceField(label=gettext_lazy("Language of the papers"), choices=settings.LANGUAGES)

    def __init__(self, data: object, *, actor: Actor, campaign: str = "") -> None:
        language = translation.get_language() or settings.LANGUAGE_CODE
        initial = {"state": State.ISSUED, "language": language, "campaign": campaign}
        super().__init__(data, initial=initial)  # type: ignore[arg-type]
        regions = Region.objects.within_path(actor.region_path).filter(active=True).order_by("path")
        self.fields["region"].queryset = regions  # type: ignore[attr-defined]
        offices = Office.objects.in_use().filter(region__in=regions).order_by("code")
        self.fields["office"].queryset = offices  # type: ignore[attr-defined]

        known = campaigns.reaching(actor)
        if known:
            choices = [("", gettext_lazy("All")), *((str(one.pk), one.name) for one in known)]
            self.fields["campaign"].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields["campaign"]

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("issued_from"), cleaned.get("issued_until")
        if first and last and last < first:
            self.add_error("issued_until", _("The last day lies before the first."))
        return cleaned


@require_role(*READERS)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def runs(request: HttpRequest) -> HttpResponse:
    """One's own runs, and the form for another."""
    form = PrintRunForm(
        request.POST if request.method == "POST" else None,
        actor=request.actor,
        campaign=request.GET.get("campaign", ""),
    )
    if request.method == "POST" and form.is_valid():
        try:
            run = print_runs.start_print_run(actor=request.actor, **form.cleaned_data)
        except print_runs.NothingToPrint:
            form.add_error(None, _("No notice fits this choice. Nothing was started."))
        except print_runs.TooManyToPrint as error:
            form.add_error(
                "region",
                _("%(count)d notices fit this choice; a run prints up to %(most)d. Choose a smaller place.")
                % {"count": error.count, "most": print_runs.MAX_NOTICES},
            )
        else:
            return redirect("jobs:show", run.job_id)
    own = PrintRun.objects.visible_to(request.actor).select_related("region", "office", "job")[:LISTED]
    return render(request, "payments/print_runs.html", {"form": form, "runs": own})


@require_role(*READERS)
@never_cache
@require_safe
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One run: what was chosen, the file, and the notices that need another way."""
    found = _visible_run(request, pk)
    job = found.job
    kept_until = job.finished_at + timedelta(days=KEEP_FILES_DAYS) if job and job.finished_at else None
    context = {
        "run": found,
        "campaign": campaigns.named(found.campaign) if found.campaign else None,
        "job": job,
        "has_file": bool(_file_of(found)),
        "kept_until": kept_until,
        "left_out": print_runs.left_out_notices(found),
        "pages": ngettext("%(count)d page", "%(count)d pages", found.page_count) % {"count": found.page_count},
    }
    return render(request, "payments/print_run.html", context)


@require_role(*READERS)
@require_POST
def run_again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Prints a run that was stopped, failed or is no longer kept once more."""
    again = print_runs.print_again(_visible_run(request, pk), actor=request.actor)
    return redirect("jobs:show", again.job_id)


@require_role(*READERS)
@never_cache
@require_safe
def run_file(request: HttpRequest, pk: UUID) -> Any:
    """The file of a finished run while it is kept; each download is on the audit log."""
    found = _visible_run(request, pk)
    path = _file_of(found)
    if path is None:
        raise Http404
    audit.record("print_run.downloaded", request.actor, subject=found, details={"pages": found.page_count})
    response = FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/pdf")
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _visible_run(request: HttpRequest, pk: UUID) -> PrintRun:
    rows = PrintRun.objects.visible_to(request.actor).select_related("region", "office", "job")
    found: PrintRun = get_object_or_404(rows, pk=pk)
    return found


def _file_of(found: PrintRun) -> Path | None:
    job = found.job
    if job is None or job.state != JobState.DONE or not job.result_file:
        return None
    path = job.folder / job.result_file
    return path if path.is_file() else None
