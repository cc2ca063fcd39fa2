"""The pages for photos of the materials: a resident's, with the form and in a round of correction, a clerk's for what
lies on the counter, and a clerk's or agent's for a submitted case (UX-R9).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages as notes
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from enrollment import pictures, steps
from enrollment.models import Application
from enrollment.picture_forms import PicturesForm
from enrollment.pictures import MISSING, MOST_FILES, REQUIRED, Case, PictureRefused, RegisteredMeanwhile
from enrollment.states import State
from enrollment.views import walk_in as counter_pages
from enrollment.views.resident import own_application
from enrollment.views.review import case_url, place, require_no_conflict
from portal import audit
from portal.documents.imaging import MOST_PDF_PAGES
from portal.people.access import require_role
from portal.people.actors import Role
from portal.regions import policy as policies
from portal.workflow.errors import NotAvailable, Refused
from portal.workflow.views import conflict_page


@dataclass(frozen=True)
class Page:
    """One such page: whose photos, which materials, where it lies and where it leads."""

    case: Case
    url: str
    back: str
    on: Callable[[], str]
    entries: Callable[[], list[list[pictures.Asked]]]
    template: str = "enrollment/pictures_staff.html"
    required: bool = False
    context: dict[str, Any] = field(default_factory=dict)


@require_role(Role.RESIDENT)
@require_http_methods(["GET", "HEAD", "POST"])
def photos(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Photos by material, each to take again or delete; a file that cannot be taken costs none of the others.

    After submission the photos stand; a correction opens those of the materials the office asked about (UX-R16).
    """
    application = own_application(request, pk)
    if application.state == State.DRAFT and application.resident_id != request.actor.resident_id:
        raise Http404
    if not pictures.is_open(application):
        return redirect("enrollment:application", application.pk)
    correcting = application.state == State.CORRECTION_REQUIRED
    mode = pictures.mode_of(application)
    page = Page(
        case=application,
        url=reverse("enrollment:pictures", args=[application.pk]),
        back=_way_back(application),
        on=lambda: _way_on(application),
        entries=lambda: pictures.asked(application),
        template="enrollment/pictures.html",
        required=mode == REQUIRED and not correcting,
        context={"application": application, "correcting": correcting},
    )
    return _answer(request, page, mode)


@counter_pages.at_the_counter
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def at_the_counter(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Photos of the papers on the desk, of somebody who is being entered; they go with the form once submitted."""
    draft = counter_pages.own_walk_in(request, pk)
    back = reverse("enrollment:walk_in", args=[draft.pk])
    if draft.application is not None:
        return redirect("enrollment:walk_in_done", draft.pk)
    audit.record("enrollment.walk_in_viewed", request.actor, subject=draft)
    page = Page(
        case=draft,
        url=reverse("enrollment:walk_in_pictures", args=[draft.pk]),
        back=back,
        on=lambda: f"{back}#materials",
        entries=lambda: pictures.asked_at_counter(draft, counter_pages.papers_of(draft)),
        context={"back_text": _("Registration at the counter")},
    )
    return _answer(request, page, pictures.mode(policies.for_region(draft.office.region)))


@require_role(Role.CLERK, Role.COMMITTEE_AGENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def of_case(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Photos of what was brought for a case that is not decided yet, to its office or the agent who entered it."""
    application = own_application(request, pk)
    if request.actor.role == Role.COMMITTEE_AGENT:
        back = reverse("enrollment:committee_case", args=[application.pk])
    else:
        back = case_url(application, place(request)[1])
    if not pictures.may_change(application, request.actor):
        if request.method == "POST":
            return conflict_page(
                request, application, NotAvailable(pictures.EnrollmentWorkflow.submit, application), return_url=back
            )
        return redirect(back)
    require_no_conflict(request, application)
    audit.record("enrollment.application_viewed", request.actor, subject=application)
    page = Page(
        case=application,
        url=reverse("enrollment:case_pictures", args=[application.pk]),
        back=back,
        on=lambda: back,
        entries=lambda: pictures.asked_of_case(application, request.actor),
        context={"application": application, "inside": place(request)[1], "back_text": _("Back to the case")},
    )
    return _answer(request, page, pictures.mode_of(application))


def _answer(request: HttpRequest, page: Page, mode: str) -> HttpResponse:
    entries = page.entries()
    if mode == pictures.OFF or not entries:
        return redirect(page.back)
    if request.method == "POST":
        return _take(request, page, entries)
    form = _form(page, {} if "missing" in request.GET else None, entries)
    if form.is_bound:
        _name_missing(page, form)
    return _show(request, page, form)


def _take(request: HttpRequest, page: Page, entries: list[list[pictures.Asked]]) -> HttpResponse:
    """Takes every file that can be taken, then does what the button said; errors stand beside their fields."""
    form = _form(page, request.POST, entries, request.FILES)
    taken: list[pictures.Sent] = []
    try:
        taken = _take_files(request, page.case, form)
        _change(request, page.case)
    except PictureRefused as refusal:
        form.add_error(None, str(refusal.message))
    except RegisteredMeanwhile:
        return redirect(page.back)
    except Refused as refused:
        return _refused(request, page, refused)
    if request.headers.get("Accept") == "application/json":
        return _for_script(form, taken)
    goes_on = request.POST.get("then") == "on"
    # Whoever is told that a photo looks dark decides about it before the page is left.
    if not form.errors and (not goes_on or any(sent.warned for sent in taken)):
        if taken:
            count = len(taken)
            notes.success(
                request, ngettext("%(count)d file is kept.", "%(count)d files are kept.", count) % {"count": count}
            )
        return redirect(page.url)
    # What was kept is shown with its thumbnails beside what was refused.
    shown = form if not form.errors else _again(page, form)
    if goes_on and not form.errors:
        shown = _form(page, {}, page.entries())
        _name_missing(page, shown)
        if not shown.errors:
            return redirect(page.on())
    return _show(request, page, shown, status=400)


def _refused(request: HttpRequest, page: Page, refused: Refused) -> HttpResponse:
    if not isinstance(page.case, Application):
        raise refused
    back = page.back if request.actor.is_staff_role else reverse("enrollment:application", args=[page.case.pk])
    return conflict_page(request, page.case, refused, return_url=back)


def _for_script(form: PicturesForm, taken: list[pictures.Sent]) -> JsonResponse:
    """The answer to a script that sends one file at a time: whether it is kept, or why not."""
    why = form.reasons or [str(error) for errors in form.errors.values() for error in errors]
    answer = JsonResponse({"kept": len(taken), "warned": any(sent.warned for sent in taken), "why": why})
    answer.status_code = 400 if why else 200
    answer["Cache-Control"] = "no-store"
    return answer


def _form(page: Page, data: Any, entries: list[list[pictures.Asked]], files: Any = None) -> PicturesForm:
    return PicturesForm(data, files, entries=entries, must=page.required)


def _take_files(request: HttpRequest, case: Case, form: PicturesForm) -> list[pictures.Sent]:
    """Keeps what can be kept; says beside its field why a file is refused."""
    taken: list[pictures.Sent] = []
    if not form.is_valid():
        return taken
    chosen = list(form.chosen())
    file_id = _file_id(request) if len(chosen) == 1 else None
    for name, one, replaced, file in chosen:
        try:
            sent = pictures.add(
                case=case,
                actor=request.actor,
                code=one.code,
                file=file,  # type: ignore[arg-type]
                replaces=replaced.first if replaced else None,
                file_id=file_id,
            )
            taken.append(sent)
        except PictureRefused as refusal:
            form.refuse(name, file, refusal)
    return taken


def _file_id(request: HttpRequest) -> UUID | None:
    """The name a script gave its file, by which the file is known when it is sent once more."""
    try:
        return UUID(request.POST.get("file", ""))
    except ValueError:
        return None


def _change(request: HttpRequest, case: Case) -> None:
    """Deletes a file, takes a deletion back or keeps a file as it is, where such a button was pressed."""
    changes = {"remove": pictures.remove, "restore": pictures.restore, "as_is": pictures.keep_as_is}
    for verb, change in changes.items():
        key = request.POST.get(verb, "")
        if key.isascii() and key.isdigit() and len(key) < 19:
            picture = case.pictures.filter(pk=int(key)).first()
            if picture is None:
                raise Http404
            change(case=case, actor=request.actor, picture=picture)


def _again(page: Page, refused: PicturesForm) -> PicturesForm:
    """The form as it stands now, with the errors of what was sent; one of a field that is gone stands on top."""
    form = _form(page, {}, page.entries())
    for name, errors in refused.errors.items():
        for error in errors:
            form.add_error(name if name in form.fields else None, error)
    return form


def _name_missing(page: Page, form: PicturesForm) -> None:
    """Puts a message beside every material that needs a photo in this region and has none."""
    if page.required:
        for one in pictures.missing(form.entries):
            form.want(one, str(MISSING % {"name": one.name}))


def _show(request: HttpRequest, page: Page, form: PicturesForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "rows": form.rows(),
        "most": MOST_FILES,
        "most_pages": MOST_PDF_PAGES,
        "required": page.required,
        "surplus": pictures.surplus(page.case, form.entries),
        "deleted": pictures.deleted(page.case, request.actor),
        "names": {one.code: one.name for entry in form.entries for one in entry},
        "back": page.back,
        "title": _("Photos of the materials"),
    }
    return render(request, page.template, context | page.context, status=status)


def _way_back(application: Application) -> str:
    name = "correct" if application.state == State.CORRECTION_REQUIRED else "tasks"
    return reverse(f"enrollment:{name}", args=[application.pk])


def _way_on(application: Application) -> str:
    """The page behind this one: the answers to check, or what is still to be answered or corrected."""
    if application.state == State.DRAFT and not steps.missing(application):
        return reverse("enrollment:check_answers", args=[application.pk])
    return _way_back(application)
