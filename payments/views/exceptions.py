"""The exceptions desk: what waits, why and for how long, and the decision about each by one or two persons."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payments import exceptions as services
from payments.forms import DecisionForm
from payments.models import Action, Notice, PaymentException, Reason
from payments.views.paging import give_channel_names
from portal import audit
from portal.design.paging import Order, keyed_page
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request
from portal.regions import calendar

OLDEST_FIRST = Order("opened_at", numbered=True)


SHOWN_WITH = ("payment__notice__policy__region", "payment__region")


def visible_exception(request: Request, pk: int) -> PaymentException:
    """The exception if this actor may see it, else 404."""
    rows = PaymentException.objects.visible_to(request.actor).select_related("payment__notice__policy__region")
    found: PaymentException = get_object_or_404(rows, pk=pk)
    return found


@require_role(Role.CASHIER, Role.AUDITOR)
@never_cache
@require_safe
def exceptions(request: Request) -> HttpResponse:
    """What waits, the oldest first, by reason; what is kept in suspense on a list of its own."""
    visible = PaymentException.objects.visible_to(request.actor)
    kept = "kept" in request.GET
    rows = visible.kept() if kept else visible.waiting()
    reason = request.GET.get("reason", "")
    if reason in Reason.values:
        rows = rows.filter(reason=reason)
    shown, page = keyed_page(
        [rows.select_related(*SHOWN_WITH)],
        OLDEST_FIRST,
        after=request.GET.get("after", ""),
        query=({"kept": "1"} if kept else {}) | ({"reason": reason} if reason in Reason.values else {}),
    )
    give_channel_names([row.payment for row in shown])
    today = calendar.today()
    for row in shown:
        row.age_days = (today - calendar.local_date(row.opened_at)).days
    context = {
        "rows": shown,
        "page": page,
        "kept": kept,
        "reasons": Reason.choices,
        "reason": reason,
        "kept_count": visible.kept().count(),
    }
    return render(request, "payments/exceptions.html", context)


@require_role(Role.CASHIER, Role.AUDITOR)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def exception(request: Request, pk: int) -> HttpResponse:
    """One exception: where the money is from, what was decided, and what may be decided now."""
    found = visible_exception(request, pk)
    actions = services.actions_for(found) if services.open_proposal(found) is None else []
    is_cashier = request.actor.role == Role.CASHIER
    if request.method == "POST" and not is_cashier:
        return HttpResponse(status=403)
    audit.record("exception.viewed", request.actor, subject=found)
    form = DecisionForm(request.POST if request.method == "POST" else None, actions=actions)
    if form.is_bound and form.is_valid():
        notice = _named(request, form)
        if not form.errors:
            try:
                step = services.decide(found, action=form.cleaned_data["action"], notice=notice, actor=request.actor)
            except services.NotDecidable as refusal:
                form.add_error("number" if form.cleaned_data["action"] == Action.ASSIGN else "action", str(refusal))
            else:
                done = _("Done.") if step.step != "proposed" else _("Proposed. A second cashier confirms it.")
                messages.success(request, done)
                return redirect("payments:exception", found.pk)
    proposal = services.open_proposal(found)
    context = {
        "exception": found,
        "payment": found.payment,
        "proposal": proposal,
        "may_confirm": is_cashier and proposal is not None and proposal.actor_user_id != request.actor.user_id,
        "decisions": found.decisions.select_related("notice"),
        "form": form if is_cashier and actions else None,
        "age_days": (calendar.today() - calendar.local_date(found.opened_at)).days,
        "taken_back": services.was_taken_back(found),
        "payouts": services.payouts_of(found),
    }
    return render(request, "payments/exception.html", context)


def _named(request: Request, form: DecisionForm) -> Notice | None:
    """The notice of the area that the cashier typed; an error beside the field where there is none."""
    if form.cleaned_data["action"] != Action.ASSIGN:
        return None
    typed = form.cleaned_data["number"]
    found = Notice.objects.visible_to(request.actor).with_number(typed).first() if typed else None
    if found is None:
        form.add_error("number", _("No notice of your region has this number."))
    return found


@require_role(Role.CASHIER)
@require_POST
def confirm_decision(request: Request, pk: int) -> HttpResponse:
    """The second person's answer to a proposal."""
    found = visible_exception(request, pk)
    answer = services.refuse if request.POST.get("answer") == "refuse" else services.confirm
    try:
        step = answer(found, actor=request.actor)
    except services.NotDecidable as refusal:
        messages.error(request, str(refusal))
    else:
        audit.record("exception.decided", request.actor, subject=found, details={"step": step.step})
        messages.success(request, _("Done.") if step.step == "confirmed" else _("The proposal is refused."))
    return redirect("payments:exception", found.pk)
