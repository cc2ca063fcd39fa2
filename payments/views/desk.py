"""The cashier's desk: find a notice by its number, see what waits for a decision, propose and confirm refunds."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from payments import payouts, refunds
from payments.forms import FindForm, RefundForm, SeenForm
from payments.models import Notice, PaymentException, Payout, PayoutState
from payments.states import State
from payments.views.exceptions import OLDEST_FIRST, SHOWN_WITH
from payments.views.notices import visible_notice
from payments.views.paging import give_channel_names
from payments.workflow import NoticeWorkflow
from portal import audit
from portal.design.paging import PAGE_SIZE, capped_count, count_words, keyed_page
from portal.people.access import require_role
from portal.people.actors import Role
from portal.workflow.errors import Refused
from portal.workflow.views import conflict_page


@require_role(Role.CASHIER, Role.AUDITOR)
@never_cache
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """Search by number, refunds to confirm, and the exceptions with their reasons."""
    form = FindForm(request.GET if "number" in request.GET else None)
    if form.is_bound and form.is_valid():
        found = Notice.objects.visible_to(request.actor).with_number(form.cleaned_data["number"]).first()
        if found is not None:
            return redirect("payments:desk_notice", found.pk)
        form.add_error("number", _("No notice of your region has this number."))
    waiting = PaymentException.objects.visible_to(request.actor).waiting()
    rows, page = keyed_page([waiting.select_related(*SHOWN_WITH)], OLDEST_FIRST, after=request.GET.get("after", ""))
    give_channel_names([row.payment for row in rows])
    refunding = Notice.objects.visible_to(request.actor).filter(state=State.REFUNDING).order_by("state_since")
    by_hand = capped_count([Payout.objects.visible_to(request.actor).filter(state=PayoutState.BY_HAND)])
    context = {
        "form": form,
        "rows": rows,
        "page": page,
        "refunding": refunding[:PAGE_SIZE],
        "by_hand": count_words(by_hand) if by_hand else "",
    }
    return render(request, "payments/desk.html", context)


@require_role(Role.CASHIER, Role.AUDITOR)
@never_cache
@require_safe
def desk_notice(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One notice with its payments, its timeline and what this cashier may do."""
    notice = visible_notice(request, pk)
    audit.record("notice.viewed", request.actor, subject=notice)
    options = {option.transition.name: option for option in NoticeWorkflow.options(notice, request.actor)}
    context = {
        "notice": notice,
        "payments": notice.payments.select_related("exception", "notice__policy__region").order_by("booked_at"),
        "propose": options.get("propose_refund"),
        "confirm": options.get("confirm_refund"),
        "payouts": payouts.of_notices([notice.pk]),
        "refund_form": RefundForm(initial={"version": notice.version}),
    }
    return render(request, "payments/desk_notice.html", context)


@require_role(Role.CASHIER)
@require_POST
def propose_refund(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Proposes a refund; a second cashier confirms."""
    notice = visible_notice(request, pk)
    form = RefundForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose a reason for the refund."))
        return redirect("payments:desk_notice", pk)
    try:
        refunds.propose_refund(
            notice, reason=form.cleaned_data["reason"], actor=request.actor, version=form.cleaned_data["version"]
        )
    except Refused as refused:
        return conflict_page(request, notice, refused, return_url=reverse("payments:desk_notice", args=[pk]))
    messages.success(request, _("The refund is proposed. A second cashier confirms it."))
    return redirect("payments:desk_notice", pk)


@require_role(Role.CASHIER)
@require_POST
def confirm_refund(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Confirms a refund as a second person."""
    return _answered(request, pk, refunds.confirm_refund, _("The refund is confirmed. The payer is told."))


@require_role(Role.CASHIER)
@require_POST
def refuse_refund(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Refuses a refund as a second person; the payment stands."""
    return _answered(request, pk, refunds.refuse_refund, _("The refund is refused. The payment stands."))


def _answered(request: HttpRequest, pk: UUID, answer: Callable[..., Notice], done: str) -> HttpResponse:
    """Carries out the second person's answer to a proposed refund."""
    notice = visible_notice(request, pk)
    form = SeenForm(request.POST)
    try:
        # Without the version somebody saw, nothing is answered.
        answer(notice, actor=request.actor, version=form.cleaned_data["version"] if form.is_valid() else 0)
    except Refused as refused:
        return conflict_page(request, notice, refused, return_url=reverse("payments:desk_notice", args=[pk]))
    messages.success(request, done)
    return redirect("payments:desk_notice", pk)
