"""The card office's desk: queue by promised day, the case with its photo, the decision."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cards import papers, pictures, progress, services
from cards.forms import ASKABLE, AskCorrectionForm, RejectForm, identity_index_of
from cards.models import CardApplication, CardApplicationQuerySet
from cards.photo import PhotoSource
from cards.states import State
from cards.views.resident import own_application
from cards.workflow import CardApplicationWorkflow
from enrollment.progress import used_words
from enrollment.views.resident import posted_version
from portal import audit
from portal.design.components import PageLinks, SummaryRow
from portal.design.paging import Order, capped_count, count_words, keyed_page
from portal.design.text import format_day
from portal.people.access import require_role
from portal.people.actors import Role
from portal.regions import calendar
from portal.workflow import stories
from portal.workflow.errors import Refused
from portal.workflow.views import conflict_page

READERS = (Role.CARD_CLERK, Role.AUDITOR)

TABS = {
    "decide": (gettext_lazy("To decide"), (State.UNDER_REVIEW,)),
    "waiting": (gettext_lazy("Waiting for the resident"), (State.CORRECTION_REQUIRED, State.AWAITING_PAYMENT)),
    "production": (State.IN_PRODUCTION.label, (State.IN_PRODUCTION,)),
    "pickup": (State.READY_FOR_PICKUP.label, (State.READY_FOR_PICKUP,)),
    "closed": (
        pgettext_lazy("queue", "Closed"),
        (State.COLLECTED, State.REJECTED, State.WITHDRAWN, State.LAPSED, State.SEALED),
    ),
}
BY_PROMISE = ("decide", "production")
PROMISED, SINCE = Order("promised_on", by_day=True), Order("state_since", forward=False)


@require_role(*READERS)
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """The region's applications, nearest promised day first, filters in the address."""
    visible = CardApplication.objects.visible_to(request.actor)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "decide"
    late = request.GET.get("late") == "1" and tab in BY_PROMISE
    number = "".join(request.GET.get("number", "").split())[:32]
    if number:
        holder = identity_index_of(number)
        named = visible.filter(resident__id_index=holder) if holder else visible.filter(number=number)
        found = named.order_by("-created_at").first()
        if found is not None:
            return redirect("cards:review", found.pk)
    rows, page = _page_of(visible, tab, late, request)
    today = calendar.today()
    with calendar.pinned():
        shown = [
            {
                "application": row,
                "colour": progress.TAG_COLOURS[State(row.state)],
                "days_left": days_left(row, today) if tab in BY_PROMISE else None,
            }
            for row in rows
        ]
    context = {
        "rows": shown,
        "page": page,
        "tab": tab,
        "tabs": [_tab(visible, code, tab) for code in TABS],
        "by_promise": tab in BY_PROMISE,
        "late": late,
        "number": number,
        "clear_url": f"?{urlencode({'tab': tab})}",
    }
    return render(request, "cards/queue.html", context)


def _tab(visible: CardApplicationQuerySet, code: str, current: str) -> dict[str, Any]:
    label, states = TABS[code]
    count = count_words(capped_count([visible.filter(state__in=states)]))
    return {"label": label, "url": f"?{urlencode({'tab': code})}", "current": code == current, "count": count}


def _page_of(
    visible: CardApplicationQuerySet, tab: str, late: bool, request: HttpRequest
) -> tuple[list[CardApplication], PageLinks]:
    rows = visible.select_related("resident", "region").defer("answers_cipher")
    order = PROMISED if tab in BY_PROMISE else SINCE
    if late:
        rows = rows.filter(promised_on__lt=calendar.today())
    return keyed_page(
        [rows.filter(state=state) for state in TABS[tab][1]],
        order,
        after=request.GET.get("after", ""),
        query={"tab": tab} | ({"late": "1"} if late else {}),
    )


def days_left(application: CardApplication, today: date) -> int | None:
    """Working days until the promised day; below zero the days it is over."""
    last = application.promised_on
    if last is None:
        return None
    if last >= today:
        return calendar.workdays_between(today, last + timedelta(days=1), application.region)
    return -max(1, calendar.workdays_between(last, today + timedelta(days=1), application.region))


@require_role(*READERS)
@require_safe
def review(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The case with the photo beside the data; every view is recorded (I1)."""
    application = own_application(request, pk)
    audit.record("cards.application_viewed", request.actor, subject=application)
    usage = progress.used(application)
    options = CardApplicationWorkflow.options(application, request.actor)
    context = {
        "application": application,
        "colour": progress.TAG_COLOURS[State(application.state)],
        "days_left": days_left(application, calendar.today()),
        "runs": application.state in (State.UNDER_REVIEW, State.IN_PRODUCTION),
        "used_words": used_words(usage),
        "rows": data_rows(application),
        "pictures": [{"url": reverse("cards:photo", args=[application.pk]), "label": _("Photo for the card")}]
        if pictures.picture_of(application) is not None
        else [],
        "picture_missing": pictures.is_missing(application),
        "options": {option.transition.name: option for option in options},
        "asked": [label for name, label in ASKABLE if name in application.correction_fields],
        "corrections": corrected_rows(application),
        "timeline": stories.items(application, request.actor, now=not application.is_final),
        "batch": application.batches.order_by("-made_at").first(),
    }
    return render(request, "cards/review.html", context)


def corrected_rows(application: CardApplication) -> list[dict[str, Any]]:
    """What the resident put right, before and after (N20)."""
    labels = dict(ASKABLE)

    def words(row: dict[str, Any], side: str) -> str:
        value = row[side]
        return str(papers.PHOTO_TEXTS.get(value, value)) if row["field"] == "photo" else str(value)

    return [
        {
            "round": row["round"],
            "label": labels.get(row["field"], row["field"]),
            "before": words(row, "before"),
            "after": words(row, "after"),
        }
        for row in application.answers.get("corrections", [])
    ]


def data_rows(application: CardApplication) -> list[SummaryRow]:
    """The data a clerk compares with the picture and the papers."""
    resident, answers = application.resident, application.answers
    photo = str(papers.PHOTO_TEXTS.get(application.photo_source, ""))
    receipt = answers.get("receipt_number", "") if application.photo_source == PhotoSource.RECEIPT else ""
    found = [
        SummaryRow(_("Name"), resident.name),
        SummaryRow(_("Sex"), resident.get_sex_display()),
        SummaryRow(_("Date of birth"), format_day(resident.birth_date) if resident.birth_date else ""),
        SummaryRow(_("Identity number"), resident.staff_identity_number),
        SummaryRow(_("Address"), answers.get("address", "")),
        SummaryRow(_("Mobile number"), answers.get("phone", "")),
        SummaryRow(_("Photo"), f"{photo} {receipt}".strip()),
        SummaryRow(_("Pickup point"), application.pickup_point.name if application.pickup_point else ""),
    ]
    if application.applicant_id != application.resident_id:
        found.append(SummaryRow(_("Applicant"), application.applicant.name))
    return found


@require_role(Role.CARD_CLERK, Role.CLERK, Role.AUDITOR)
@never_cache
@require_safe
def photo(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The picture that goes on the card, for those who see the case; every view is recorded."""
    application = own_application(request, pk)
    content = pictures.picture_of(application)
    if content is None:
        raise Http404
    audit.record("cards.photo_viewed", request.actor, subject=application)
    response = HttpResponse(content, content_type="image/jpeg")
    response["Content-Disposition"] = 'inline; filename="photo.jpg"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "no-store"
    return response


@require_role(Role.CARD_CLERK)
@require_POST
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approves the version of the case that the page showed."""
    application = own_application(request, pk)
    try:
        services.approve(application=application, actor=request.actor, version=posted_version(request))
    except Refused as refused:
        return _refused(request, application, refused)
    return redirect("cards:review", application.pk)


@require_role(Role.CARD_CLERK)
@require_http_methods(["GET", "HEAD", "POST"])
def ask_correction(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks once for everything that is to be put right, for example another photo; the promise stands still."""
    application = own_application(request, pk)
    form = AskCorrectionForm(
        request.POST if request.method == "POST" else None, initial={"version": application.version}
    )
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            services.ask_correction(
                application=application,
                actor=request.actor,
                version=told["version"],
                fields=told["fields_asked"],
                reason=told["reason"],
            )
        except Refused as refused:
            return _refused(request, application, refused, told["reason"])
        return redirect("cards:review", application.pk)
    return render(request, "cards/ask_correction.html", {"application": application, "form": form})


@require_role(Role.CARD_CLERK)
@require_http_methods(["GET", "HEAD", "POST"])
def reject(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Rejects with a reason and the next step; a fee that was paid is proposed for refund."""
    application = own_application(request, pk)
    form = RejectForm(request.POST if request.method == "POST" else None, initial={"version": application.version})
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            services.reject(
                application=application,
                actor=request.actor,
                version=told["version"],
                reason=told["reason"],
                next_step=told["next_step"],
            )
        except Refused as refused:
            return _refused(request, application, refused, told["reason"], told["next_step"])
        return redirect("cards:review", application.pk)
    return render(request, "cards/reject.html", {"application": application, "form": form})


def _refused(request: HttpRequest, application: CardApplication, refused: Refused, *kept: str) -> HttpResponse:
    back = reverse("cards:review", args=[application.pk])
    return conflict_page(request, application, refused, return_url=back, kept=kept)
