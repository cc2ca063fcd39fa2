"""Rosters of villages: upload, verdicts line by line, submission, corrected file, cover sheet, batch notices (N12)."""

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment import offices, terms
from enrollment.models import Outcome, Roster, RosterRow, RosterState
from enrollment.rosters import files, notices, papers, reading, services, texts
from enrollment.rosters.columns import BY_CODE
from enrollment.rosters.forms import DeclareForm, PayerForm, UploadForm
from enrollment.rosters.verdicts import Setting, setting_of
from portal import audit
from portal.design.components import PageLinks
from portal.documents.papers import paper_response
from portal.jobs import services as jobs
from portal.jobs.models import Job
from portal.people.access import require_role
from portal.people.actors import Actor, Role
from portal.people.names import mask_identity_number, mask_name
from portal.people.requests import Request
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.models import Office, OfficeKind, Region

AGENT = Role.COMMITTEE_AGENT
READERS = (Role.COMMITTEE_AGENT, Role.CLERK, Role.COUNTY_REVIEWER, Role.AUDITOR)
PAGE_SIZE = 25
AT_ONCE = 2_000
"""So many lines to correct are written while the agent waits; more of them become a job."""

FORMATS = ("html", "pdf", "docx")
COLOURS = {Outcome.GOOD: "green", Outcome.BAD: "red", Outcome.KNOWN: "grey", Outcome.SUBMITTED: "blue"}


def setting_choices(actor: Actor) -> dict[str, Any]:
    """The years and offices an agent may choose from: the office of the town or street first (S1-05)."""
    region = get_object_or_404(Region, code=actor.region_code)
    today = calendar.today()
    policy = policies.for_region(region, today)
    found = offices.serving(region, policy)
    found.sort(key=lambda office: office.kind != OfficeKind.HRSS_CENTRE)
    labels = {
        office.pk: _("%(name)s — %(promise)s") % {"name": office.name, "promise": offices.promise(policy, office.kind)}
        for office in found
    }
    # A village lists people of age: the window of newborns opens no year of its own.
    years = [
        open_year.year
        for open_year in terms.open_years(today, today.replace(year=today.year - 30, day=1), region, policy)
    ]
    return {"years": years, "offices": found, "labels": labels}


@require_role(AGENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: Request) -> HttpResponse:
    """Takes a roster file; one that cannot be read is refused beside its field and nothing of it is kept."""
    choices = setting_choices(request.actor)
    form = UploadForm(
        request.POST if request.method == "POST" else None,
        request.FILES if request.method == "POST" else None,
        **choices,
    )
    if request.method == "POST" and form.is_valid():
        answer = _take(request, form)
        if answer is not None:
            return answer
    context = {"form": form, "guidance": files.guidance(), "years": choices["years"]}
    return render(request, "enrollment/roster_upload.html", context)


def _take(request: Request, form: UploadForm) -> HttpResponse | None:
    told = form.cleaned_data
    office: Office | None = told["office"]
    try:
        roster = services.take(
            actor=request.actor,
            office=office,
            cover_year=told["cover_year"],
            file_name=told["file"].name,
            content=told["file"].read(reading.MAX_BYTES + 1),
        )
    except reading.RosterRefused as refused:
        form.add_error("file", texts.refusal(refused.code, refused.params))
        return None
    except services.AlreadyUploaded as known:
        first = Roster.objects.visible_to(request.actor).filter(pk=known.first.pk).first()
        if first is None:
            form.add_error("file", _("A colleague of your village has uploaded this very file already."))
            return None
        messages.info(
            request, _("You have uploaded this very file before. This is what came of it; nothing was added.")
        )
        return redirect("enrollment:roster", first.pk)
    return redirect("jobs:show", roster.job_id)


@require_role(AGENT)
@require_safe
def template(request: Request, fmt: str) -> HttpResponse:
    """The empty list with headings, an example and, in the workbook, what to write into each column."""
    if fmt not in files.TYPES:
        raise Http404
    return _file(files.template(fmt), fmt, _("Roster template") + f".{fmt}")


@require_role(*READERS)
@never_cache
@require_safe
def show(request: Request, pk: UUID) -> HttpResponse:
    """The verdicts, page by page, and what can be done next; every view of the lines is recorded."""
    roster = _roster(request, pk)
    audit.record("enrollment.roster_viewed", request.actor, subject=roster)
    return _page(request, roster, DeclareForm())


def _page(
    request: Request, roster: Roster, form: DeclareForm, status: int = 200, payer_form: PayerForm | None = None
) -> HttpResponse:
    figures = services.counts(roster)
    outcome = request.GET.get("show", "")
    if outcome not in figures:
        order = (Outcome.BAD, Outcome.GOOD, Outcome.SUBMITTED, Outcome.KNOWN)
        outcome = next((code for code in order if figures[code]), Outcome.GOOD)
    rows, page = _rows_of(roster, outcome, request.GET.get("after", ""))
    is_own = roster.created_by_id == request.actor.user_id
    job = _live_job(request, roster)
    context = {
        "roster": roster,
        "refusal": texts.refusal(roster.refusal, roster.refusal_params) if roster.refusal else "",
        "figures": figures,
        "tabs": _tabs(figures, outcome),
        "rows": rows,
        "page": page,
        "outcome": outcome,
        "form": form,
        "is_own": is_own,
        "may_submit": is_own and roster.state == RosterState.CHECKED and figures[Outcome.GOOD],
        "job": job,
        "batch": notices.of(roster) if figures[Outcome.SUBMITTED] else [],
        "payer_form": payer_form or (PayerForm() if is_own and not notices.payer_of(roster, request.actor) else None),
        "told": texts.who_is_told(roster.region),
        "totals": notices.totals(roster) if figures[Outcome.SUBMITTED] else None,
        "at_once": figures[Outcome.BAD] <= AT_ONCE,
        "back_url": reverse("enrollment:committee" if request.actor.role == AGENT else "enrollment:rosters"),
    }
    return render(request, "enrollment/roster.html", context, status=status)


def _live_job(request: Request, roster: Roster) -> Job | None:
    """The job that works on the roster now, for the agent who started it."""
    if not roster.is_busy or roster.job_id is None:
        return None
    job = Job.objects.visible_to(request.actor).filter(pk=roster.job_id).first()
    return job if job is not None and job.is_live else None


def _tabs(figures: dict[str, int], current: str) -> list[dict[str, Any]]:
    return [
        {"label": code.label, "url": f"?{urlencode({'show': code.value})}", "current": code == current, "count": number}
        for code in Outcome
        if (number := figures[code]) or code == current
    ]


def _rows_of(roster: Roster, outcome: str, after: str) -> tuple[list[dict[str, Any]], PageLinks]:
    line = int(after) if after.isascii() and after.isdigit() and len(after) < 8 else 0
    found = list(
        roster.rows.filter(outcome=outcome, line__gt=line)
        .select_related("application")
        .order_by("line")[: PAGE_SIZE + 1]
    )
    more = len(found) > PAGE_SIZE
    found = found[:PAGE_SIZE]
    setting = setting_of(roster)
    with calendar.pinned():
        shown = [_shown(row, setting) for row in found]
    following = f"?{urlencode({'show': outcome, 'after': str(found[-1].line)})}" if more else ""
    return shown, PageLinks(previous_url=f"?{urlencode({'show': outcome})}" if line else "", next_url=following)


def _shown(row: RosterRow, setting: Setting) -> dict[str, Any]:
    cells = row.written["cells"]
    return {
        "row": row,
        "name": mask_name(cells.get("name", "")),
        "number": mask_identity_number(cells.get("id_number", ""), for_staff=True),
        "faults": [_masked(fault) for fault in texts.faults_of(row, setting)] if row.fault_count else [],
        "colour": COLOURS[Outcome(row.outcome)],
    }


def _masked(fault: texts.CellFault) -> texts.CellFault:
    """Numbers and names stay masked on the page; the file with the lines to correct has them in full."""
    is_number = fault.column in (BY_CODE["id_number"].label, BY_CODE["guardian_number"].label)
    is_name = fault.column in (BY_CODE["name"].label, BY_CODE["guardian_name"].label)
    written = mask_identity_number(fault.written, for_staff=True) if is_number else fault.written
    return texts.CellFault(fault.column, mask_name(written) if is_name else written[:40], fault.text)


@require_role(AGENT)
@require_POST
def submit(request: Request, pk: UUID) -> HttpResponse:
    """Submits the good lines on the agent's declaration, as a job."""
    roster = _roster(request, pk)
    form = DeclareForm(request.POST)
    if not form.is_valid():
        return _page(request, roster, form)
    try:
        job = services.submit(roster, request.actor)
    except services.NotReady:
        return _page(request, roster, DeclareForm(), status=409)
    return redirect("jobs:show", job.pk) if job else redirect("enrollment:roster", roster.pk)


@require_role(AGENT)
@require_POST
def go_on(request: Request, pk: UUID) -> HttpResponse:
    """Starts a stopped or failed job again where it was."""
    roster = _roster(request, pk)
    job = services.go_on(roster, request.actor)
    return redirect("jobs:show", job.pk) if job else redirect("enrollment:roster", roster.pk)


@require_role(AGENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def corrections(request: Request, pk: UUID) -> HttpResponse:
    """The lines to correct as a file, each with its reasons; a long list is written by a job."""
    roster = _roster(request, pk)
    bad = services.counts(roster)[Outcome.BAD]
    if not bad or roster.erased_at:
        return redirect("enrollment:roster", roster.pk)
    audit.record("enrollment.roster_corrections", request.actor, subject=roster)
    if bad > AT_ONCE:
        if request.method != "POST":
            return redirect("enrollment:roster", roster.pk)
        params = {"roster": str(roster.pk)}
        job = jobs.start(files.CORRECTIONS_JOB, owner_id=request.actor.user_id, params=params, total=bad)
        return redirect("jobs:show", job.pk)
    return _made(lambda stream: files.write_corrections(roster, stream), files.corrections_name(roster))


@require_role(*READERS)
@never_cache
@require_safe
def submitted_list(request: Request, pk: UUID) -> HttpResponse:
    """Who was submitted, with number and state, as a workbook to go with the cover sheet."""
    roster = _roster(request, pk)
    audit.record("enrollment.roster_listed", request.actor, subject=roster)
    return _made(lambda stream: files.write_submitted(roster, stream), f"roster-{str(roster.pk)[:8]}.xlsx")


@require_role(*READERS)
@never_cache
@require_safe
def cover_sheet(request: Request, pk: UUID, fmt: str) -> HttpResponse:
    """The cover sheet as web print, PDF or Word file."""
    roster = _roster(request, pk)
    if fmt not in FORMATS or roster.state in (RosterState.CHECKING, RosterState.REFUSED):
        raise Http404
    return paper_response(request, papers.cover_sheet(roster), fmt, f"roster-{str(roster.pk)[:8]}")


@require_role(AGENT)
@require_POST
def batch_notices(request: Request, pk: UUID) -> HttpResponse:
    """Makes or renews the batch notices of everybody on the roster who has to pay now."""
    roster = _roster(request, pk)
    payer = notices.payer_of(roster, request.actor)
    if payer is None:
        form = PayerForm(request.POST)
        if not form.is_valid():
            return _page(request, roster, DeclareForm(), payer_form=form)
        try:
            payer = notices.answerable(
                name=form.cleaned_data["payer_name"],
                identity_number=form.cleaned_data["payer_number"],
                roster=roster,
            )
        except notices.OtherName:
            form.add_error("payer_name", _("This name and this number do not belong together. Check both."))
            return _page(request, roster, DeclareForm(), payer_form=form)
    try:
        made = notices.issue(roster, request.actor, payer)
    except notices.NothingToPay:
        messages.info(request, _("Nobody on this roster has to pay now. Notices come after the review."))
    else:
        people = sum(len(notice.lines) for notice in made)
        messages.success(
            request,
            _("Batch notices: %(notices)d, for %(people)d people.") % {"notices": len(made), "people": people},
        )
    return redirect("enrollment:roster", roster.pk)


def _roster(request: Request, pk: UUID) -> Roster:
    rows = Roster.objects.visible_to(request.actor).select_related("region", "office", "created_by")
    return get_object_or_404(rows, pk=pk)


def _made(write: Callable[[io.BytesIO], None], name: str) -> HttpResponse:
    stream = io.BytesIO()
    write(stream)
    return _file(stream.getvalue(), name.rpartition(".")[2], name)


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=files.TYPES[kind])
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store"
    return response
