"""Refunds on their way to the payer: what the payment services are doing, and what people must pay out by hand."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from payments import payouts as services
from payments.forms import PayoutForm
from payments.models import ON_ITS_WAY, Payout, PayoutState
from payments.payout_faults import explain
from payments.views.paging import give_channel_names
from portal import audit
from portal.design.paging import Order, capped_count, count_words, keyed_page
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.requests import Request

TABS = {"hand": [PayoutState.BY_HAND], "way": list(ON_ITS_WAY), "done": [PayoutState.DONE]}
OLDEST_FIRST, LAST_LEFT_FIRST = Order("opened_at"), Order("done_at", forward=False)


@require_role(Role.CASHIER, Role.AUDITOR)
@never_cache
@require_safe
def payouts(request: Request) -> HttpResponse:
    """The refunds of the area: to be paid by hand first, then those under way, then those that have left."""
    tab = request.GET.get("show", "hand")
    tab = tab if tab in TABS else "hand"
    visible = Payout.objects.visible_to(request.actor)
    related = ("notice", "payment__notice__policy__region", "payment__region")
    sets = {code: [visible.filter(state=state) for state in states] for code, states in TABS.items()}
    rows, page = keyed_page(
        [chosen.select_related(*related) for chosen in sets[tab]],
        LAST_LEFT_FIRST if tab == "done" else OLDEST_FIRST,
        after=request.GET.get("after", ""),
        query={"show": tab},
    )
    give_channel_names([row.payment for row in rows])
    for row in rows:
        row.explained = explain(row.fault)
    names = {"hand": _("To be paid by hand"), "way": _("With the payment service"), "done": _("Paid out")}
    tabs = [(code, names[code], count_words(capped_count(chosen))) for code, chosen in sets.items()]
    context = {"rows": rows, "page": page, "tab": tab, "tabs": tabs}
    return render(request, "payments/payouts.html", context)


@require_role(Role.CASHIER, Role.AUDITOR)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def payout(request: Request, pk: UUID) -> HttpResponse:
    """One refund: how much, to whom, where it stands; a cashier notes here that it was paid by hand."""
    rows = Payout.objects.visible_to(request.actor).select_related(
        "notice", "payment__notice__policy__region", "payment__exception", "journal"
    )
    found = get_object_or_404(rows, pk=pk)
    is_cashier = request.actor.role == Role.CASHIER
    if request.method == "POST" and not is_cashier:
        return HttpResponse(status=403)
    audit.record("refund.viewed", request.actor, subject=found)
    form = PayoutForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.pay_by_hand(found, actor=request.actor, reference=form.cleaned_data["reference"])
        except services.NothingOwed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Noted: the refund was paid out."))
        return redirect(found)
    context = {
        "payout": found,
        "explained": explain(found.fault),
        "form": form if is_cashier and found.state == PayoutState.BY_HAND else None,
    }
    return render(request, "payments/payout.html", context)
