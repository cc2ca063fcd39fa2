"""Receipts: the page, the papers, and the cashier's void."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from payments import receipt_papers, receipts
from payments.forms import VoidForm
from payments.models import Receipt
from payments.views.notices import FORMATS, READERS
from portal import audit
from portal.documents.papers import paper_response
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request


def visible_receipt(request: Request, pk: UUID) -> Receipt:
    """The receipt if this actor may see its notice, else 404."""
    rows = Receipt.objects.visible_to(request.actor).select_related(
        "notice__policy__region", "notice__region", "payment__notice__policy", "reverses", "reversal", "voiding"
    )
    found: Receipt = get_object_or_404(rows, pk=pk)
    return found


@require_role(*READERS)
@never_cache
@require_safe
def receipt(request: Request, pk: UUID) -> HttpResponse:
    """What the receipt says, whether it stands, and its papers."""
    found = visible_receipt(request, pk)
    if request.actor.is_staff_role:
        audit.record("receipt.viewed", request.actor, subject=found)
    may_void = request.actor.role == Role.CASHIER and found.stands
    return render(request, "payments/receipt.html", _context(request, found, VoidForm() if may_void else None))


def _context(request: Request, found: Receipt, form: VoidForm | None) -> dict[str, object]:
    return {
        "receipt": found,
        "title": receipt_papers.title(found),
        "status": receipt_papers.status(found),
        "check_code": receipt_papers.check_code(found),
        "printed": found.prints.count(),
        "form": form,
        "base": "staff_base.html" if request.actor.is_staff_role else "base.html",
    }


@require_role(*READERS)
@never_cache
@require_safe
def receipt_paper(request: Request, pk: UUID, form: str) -> HttpResponse:
    """One printing of the receipt: the first is the original, every later one is marked as a copy (E9)."""
    if form not in FORMATS:
        raise Http404
    found = visible_receipt(request, pk)
    printing = receipts.print_of(found, form, request.actor) if request.method == "GET" else None
    audit.record("receipt.paper", request.actor, subject=found, details={"form": form})
    paper = receipt_papers.paper(found, printing)
    return paper_response(request, paper, FORMATS[form], f"receipt-{found.code}-{found.number}")


@require_role(Role.CASHIER)
@never_cache
@require_POST
def void_receipt(request: Request, pk: UUID) -> HttpResponse:
    """Makes a receipt void and issues another one in its place."""
    found = visible_receipt(request, pk)
    form = VoidForm(request.POST)
    if not form.is_valid():
        return render(request, "payments/receipt.html", _context(request, found, form))
    try:
        made = receipts.void_receipt(found, reason=form.cleaned_data["reason"], actor=request.actor)
    except receipts.NotIssuable:
        context = _context(request, visible_receipt(request, pk), None) | {"refused": True}
        return render(request, "payments/receipt.html", context, status=409)
    audit.record("receipt.voided", request.actor, subject=found, details={"reason": form.cleaned_data["reason"]})
    messages.success(request, _("The receipt is void. This one takes its place."))
    return redirect(made)
