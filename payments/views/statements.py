"""Statements: bring a file, see how far it is and what became of its lines."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from payments import statements as services
from payments.forms import StatementForm
from payments.models import LineOutcome, Statement, StatementLine, StatementState
from payments.statement_formats import StatementFault, explain
from portal import audit
from portal.design.components import PageLinks
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request
from portal.regions.models import Region

LISTED = 50
LINES_PER_PAGE = 100
LONGEST_NUMBER = 9


@require_role(Role.CASHIER, Role.AUDITOR)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def statements(request: Request) -> HttpResponse:
    """The statements of the area, and the form for the next one; the same file again leads to the first import."""
    may_import = request.actor.role == Role.CASHIER
    if request.method == "POST" and not may_import:
        return HttpResponse(status=403)
    form = StatementForm(request.POST, request.FILES) if request.method == "POST" else StatementForm()
    if form.is_bound and form.is_valid():
        file = form.cleaned_data["file"]
        region = get_object_or_404(Region, code=request.actor.region_code)
        try:
            found, is_new = services.receive(file.read(), name=file.name, region=region, actor=request.actor)
        except StatementFault as fault:
            where = _("Line %(line)d:") % {"line": fault.line} if fault.line else ""
            form.add_error("file", f"{where} {explain(fault.fault)}".strip())
        except services.TooLarge:
            form.add_error("file", _("The file is larger than 32 MB. Ask the bank for one file per day."))
        else:
            if is_new:
                return redirect("jobs:show", found.job_id)
            if Statement.objects.visible_to(request.actor).filter(pk=found.pk).exists():
                return redirect(f"{found.get_absolute_url()}?again=1")
            form.add_error("file", _("This file was imported already, by another office."))
    rows = Statement.objects.visible_to(request.actor)[:LISTED]
    context = {"form": form if may_import else None, "rows": rows, "forms": [form] if form.is_bound else []}
    return render(request, "payments/statements.html", context)


@require_role(Role.CASHIER, Role.AUDITOR)
@never_cache
@require_safe
def statement(request: Request, pk: UUID) -> HttpResponse:
    """One statement: totals, the fault that refused it, and its lines."""
    found = get_object_or_404(Statement.objects.visible_to(request.actor), pk=pk)
    audit.record("statement.viewed", request.actor, subject=found)
    rows = found.rows.select_related("payment__notice", "payment__exception").order_by("number")
    chosen = request.GET.get("outcome", "")
    if chosen in LineOutcome.values:
        rows = rows.filter(outcome=chosen)
    shown, page = _lines(rows, request.GET.get("after", ""), chosen)
    sums = services.totals(found)
    context = {
        "statement": found,
        "fault": explain(found.fault) if found.fault else "",
        "again": "again" in request.GET,
        "is_live": found.state in (StatementState.WAITING, StatementState.BOOKING),
        "sums": [(outcome, outcome.label, *sums[outcome]) for outcome in LineOutcome if outcome in sums],
        "rows": shown,
        "page": page,
        "owns_job": request.actor.user_id == found.actor_user_id,
    }
    return render(request, "payments/statement.html", context)


def _lines(rows: QuerySet[StatementLine], after: str, outcome: str) -> tuple[list[StatementLine], PageLinks]:
    """The lines behind one of a number, found by that number however long the file is, and the links to others."""
    query = {"outcome": outcome} if outcome in LineOutcome.values else {}
    last = int(after) if after.isascii() and after.isdigit() and len(after) <= LONGEST_NUMBER else 0
    found = list(rows.filter(number__gt=last)[: LINES_PER_PAGE + 1])
    shown = found[:LINES_PER_PAGE]
    following = f"?{urlencode(query | {'after': shown[-1].number})}" if len(found) > len(shown) else ""
    return shown, PageLinks(previous_url=f"?{urlencode(query)}" if last else "", next_url=following)
