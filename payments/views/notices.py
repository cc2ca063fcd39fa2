"""A notice for who may see it: the page, and the paper as web print, PDF and Word."""

from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from payments import kinds, payouts, places
from payments.models import Notice
from payments.states import State
from portal import audit
from portal.documents.papers import paper_response
from portal.people.access import require_role
from portal.people.actors import Role
from portal.regions import calendar

READERS = (
    Role.RESIDENT,
    Role.COMMITTEE_AGENT,
    Role.CLERK,
    Role.COUNTY_REVIEWER,
    Role.CARD_CLERK,
    Role.CASHIER,
    Role.AUDITOR,
)
FORMATS = {"print": "html", "pdf": "pdf", "docx": "docx"}
LISTED = 50


def visible_notice(request: HttpRequest, pk: UUID) -> Notice:
    """The notice if this actor may see it, else 404."""
    rows = Notice.objects.visible_to(request.actor).select_related(
        "region", "office", "policy__region", "superseded_by", "resident", "collective"
    )
    notice: Notice = get_object_or_404(rows, pk=pk)
    return notice


@require_role(Role.RESIDENT)
@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """The notices of the resident, the household and the wards, those to be paid first."""
    covered = Q(state=State.ISSUED, collective__state=State.ISSUED)
    # A person on an open notice for many is named on that one; two cards would ask for the same money twice.
    rows = list(Notice.objects.visible_to(request.actor).exclude(covered).order_by("-issued_at")[:LISTED])
    context = {
        "unpaid": [notice for notice in rows if notice.state == State.ISSUED],
        "others": [notice for notice in rows if notice.state != State.ISSUED],
    }
    return render(request, "payments/notices.html", context)


@require_role(*READERS)
@never_cache
@require_safe
def notice(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Amount, who collects, by when, where, and the papers (UX-R23)."""
    found = visible_notice(request, pk)
    if request.actor.is_staff_role:
        audit.record("notice.viewed", request.actor, subject=found)
    context = {
        "notice": found,
        "payee": kinds.MODULES[found.kind].payee(found.policy.policy),
        "ways": places.ways_to_pay(found),
        "overdue": found.is_overdue(calendar.today()),
        "refunds": payouts.of_notices([found.pk]),
        "counter": settings.DEMO and found.state == State.ISSUED,
        "hotline": found.policy.policy.setting("hotline", "12393"),
        "base": "staff_base.html" if request.actor.is_staff_role else "base.html",
    }
    return render(request, "payments/notice.html", context)


@require_role(*READERS)
@never_cache
@require_safe
def paper(request: HttpRequest, pk: UUID, form: str) -> HttpResponse:
    """The paper as it stands now; each view is on the audit log (E11)."""
    if form not in FORMATS:
        raise Http404
    found = visible_notice(request, pk)
    audit.record("notice.paper", request.actor, subject=found, details={"form": form})
    return paper_response(request, kinds.paper_of(found), FORMATS[form], f"notice-{found.number}", is_frequent=True)
