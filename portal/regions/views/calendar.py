"""The calendar page of the desk: which years are published, and the import of a year."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.regions import calendar, calendar_import
from portal.regions.access import ADMIN, AUDITOR, require_role
from portal.regions.calendar_import import CalendarRefused
from portal.regions.forms import CalendarFileForm
from portal.regions.models import CalendarDay, CalendarYear, RegionalHoliday

WARN_FROM, LATE_FROM = (11, 1), (12, 10)


def alarm() -> str:
    """Empty while there is time; "soon" from 1 November and "late" from 10 December while next year is unpublished."""
    today = calendar.today()
    if today.year + 1 in calendar.current().published:
        return ""
    month_day = (today.month, today.day)
    return "late" if month_day >= LATE_FROM else "soon" if month_day >= WARN_FROM else ""


def _page(request: HttpRequest, form: CalendarFileForm, status: int = 200) -> HttpResponse:
    years = [
        (year, CalendarDay.objects.filter(date__year=year.year)) for year in CalendarYear.objects.order_by("-year")
    ]
    holidays = RegionalHoliday.objects.filter(date__year__gte=calendar.today().year).select_related("region")
    context = {
        "form": form,
        "years": years,
        "holidays": holidays,
        "alarm": alarm(),
        "next_year": calendar.today().year + 1,
        "may_import": str(request.actor.role) == ADMIN,
    }
    return render(request, "regions/calendar.html", context, status=status)


@require_role(ADMIN, AUDITOR)
@require_safe
def years(request: HttpRequest) -> HttpResponse:
    """Every year with its special days, the extra days of regions, and the form to import a year."""
    return _page(request, CalendarFileForm())


@require_role(ADMIN)
@require_POST
def import_file(request: HttpRequest) -> HttpResponse:
    """Shows what a file would change, and imports it once that has been confirmed."""
    confirmed = request.POST.get("confirmed")
    if confirmed is not None:
        return _import(request, confirmed)
    form = CalendarFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        content = form.cleaned_data["file"].read(calendar_import.LARGEST_FILE + 1)
        text = calendar_import.decode(content)
        found = calendar_import.plan(calendar_import.parse(text))
    except CalendarRefused as refused:
        form.add_error("file", str(refused))
        return _page(request, form, status=422)
    notice = form.cleaned_data["source_notice"]
    return render(request, "regions/calendar_preview.html", {"plan": found, "text": text, "notice": notice})


def _import(request: HttpRequest, text: str) -> HttpResponse:
    try:
        days = calendar_import.parse(text[: calendar_import.LARGEST_FILE])
    except CalendarRefused as refused:
        messages.error(request, str(refused))
        return redirect("regions:calendar")
    notice = request.POST.get("source_notice", "")[:120]
    found = calendar_import.import_year(days, actor=request.actor, source_notice=notice)
    messages.success(request, _("The calendar of %(year)d is published.") % {"year": found.year})
    return redirect("regions:calendar")
