"""Statements: bring a file, see how far it is and what became of its lines."""

from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from payments import statements as services
from payments.forms import StatementForm
from payments.models import LineOutcome, Statement, StatementState
from payments.statement_formats import StatementFault, explain
from payments.views.paging import links
from portal import audit
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request
from portal.regions.models import Region

LISTED = 50
LINES_PER_PAGE = 100


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
            form.add_error("file", explain(fault.fault))
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
    page = Paginator(rows, LINES_PER_PAGE).get_page(request.GET.get("page"))
    sums = services.totals(found)
    context = {
        "statement": found,
        "fault": explain(found.fault) if found.fault else "",
        "again": "again" in request.GET,
        "is_live": found.state in (StatementState.WAITING, StatementState.BOOKING),
        "sums": [(outcome, outcome.label, *sums[outcome]) for outcome in LineOutcome if outcome in sums],
        "rows": page.object_list,
        "page": links(page, f"outcome={chosen}" if chosen else ""),
        "owns_job": request.actor.user_id == found.actor_user_id,
    }
    return render(request, "payments/statement.html", context)
