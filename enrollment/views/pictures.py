"""The page on which an applicant sends photos of the materials, with the form and in a round of correction (UX-R9)."""

from typing import Any
from uuid import UUID

from django.contrib import messages as notes
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from enrollment import pictures, steps
from enrollment.models import Application, MaterialPicture
from enrollment.picture_forms import PicturesForm
from enrollment.pictures import MISSING, MOST_PAGES, REQUIRED, PictureRefused
from enrollment.states import State
from enrollment.views.resident import own_application
from portal.people.access import require_role
from portal.people.actors import Role
from portal.workflow.errors import Refused
from portal.workflow.views import conflict_page


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
    mode, entries = pictures.mode_of(application), pictures.asked(application)
    if mode == pictures.OFF or not entries:
        return redirect(_way_back(application))
    if request.method == "POST":
        return _take(request, application, entries)
    form = _form(application, {} if "missing" in request.GET else None, entries)
    if form.is_bound:
        _name_missing(application, form)
    return _page(request, application, form)


def _take(request: HttpRequest, application: Application, entries: list[list[pictures.Asked]]) -> HttpResponse:
    """Takes every file that can be taken, then does what the button said; errors stand beside their fields."""
    form = _form(application, request.POST, entries, request.FILES)
    try:
        taken = _take_files(request, application, form)
        _change(request, application)
    except PictureRefused as refusal:
        form.add_error(None, str(refusal.message))
    except Refused as refused:
        back = reverse("enrollment:application", args=[application.pk])
        return conflict_page(request, application, refused, return_url=back)
    goes_on = request.POST.get("then") == "on"
    if not form.errors and not goes_on:
        if taken:
            words = ngettext("%(count)d photo is kept.", "%(count)d photos are kept.", taken) % {"count": taken}
            notes.success(request, words)
        return redirect("enrollment:pictures", application.pk)
    # What was kept is shown with its thumbnails beside what was refused.
    shown = form if not form.errors else _again(application, form)
    if goes_on and not form.errors:
        shown = _form(application, {}, pictures.asked(application))
        _name_missing(application, shown)
        if not shown.errors:
            return redirect(_way_on(application))
    return _page(request, application, shown, status=400)


def _form(application: Application, data: Any, entries: list[list[pictures.Asked]], files: Any = None) -> PicturesForm:
    must = application.state == State.DRAFT and pictures.mode_of(application) == REQUIRED
    return PicturesForm(data, files, entries=entries, must=must)


def _take_files(request: HttpRequest, application: Application, form: PicturesForm) -> int:
    """Keeps what can be kept and returns how many; says beside its field why a file is refused."""
    taken = 0
    if form.is_valid():
        for name, one, replaced, file in list(form.chosen()):
            try:
                pictures.add(
                    application=application,
                    actor=request.actor,
                    code=one.code,
                    file=file,  # type: ignore[arg-type]
                    replaces=replaced,
                )
                taken += 1
            except PictureRefused as refusal:
                form.refuse(name, file, refusal)
    return taken


def _change(request: HttpRequest, application: Application) -> None:
    """Deletes a photo or takes a deletion back, where a button of one was pressed."""
    for verb, change in (("remove", pictures.remove), ("restore", pictures.restore)):
        key = request.POST.get(verb, "")
        if key.isascii() and key.isdigit() and len(key) < 19:
            picture = MaterialPicture.objects.filter(application=application, pk=int(key)).first()
            if picture is None:
                raise Http404
            change(application=application, actor=request.actor, picture=picture)


def _again(application: Application, refused: PicturesForm) -> PicturesForm:
    """The form as it stands now, with the errors of what was sent; one of a field that is gone stands on top."""
    form = _form(application, {}, pictures.asked(application))
    for name, errors in refused.errors.items():
        for error in errors:
            form.add_error(name if name in form.fields else None, error)
    return form


def _name_missing(application: Application, form: PicturesForm) -> None:
    """Puts a message beside every material that needs a photo in this region and has none."""
    if pictures.mode_of(application) == REQUIRED and application.state == State.DRAFT:
        for one in pictures.missing(form.entries):
            form.want(one, str(MISSING % {"name": one.name}))


def _page(request: HttpRequest, application: Application, form: PicturesForm, status: int = 200) -> HttpResponse:
    context = {
        "application": application,
        "form": form,
        "rows": form.rows(),
        "most": MOST_PAGES,
        "required": pictures.mode_of(application) == REQUIRED,
        "correcting": application.state == State.CORRECTION_REQUIRED,
        "surplus": pictures.surplus(application, form.entries),
        "deleted": pictures.deleted(application),
        "names": {one.code: one.name for entry in form.entries for one in entry},
        "back": _way_back(application),
        "title": _("Photos of the materials"),
    }
    return render(request, "enrollment/pictures.html", context, status=status)


def _way_back(application: Application) -> str:
    name = "correct" if application.state == State.CORRECTION_REQUIRED else "tasks"
    return reverse(f"enrollment:{name}", args=[application.pk])


def _way_on(application: Application) -> str:
    """The page behind this one: the answers to check, or what is still to be answered or corrected."""
    if application.state == State.DRAFT and not steps.missing(application):
        return reverse("enrollment:check_answers", args=[application.pk])
    return _way_back(application)
