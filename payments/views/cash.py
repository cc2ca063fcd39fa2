"""Cash of villages: the agent takes, lists and gives back; the cashier counts; reviewers see what is late (G4)."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from payments import held_cash, held_papers
from payments.forms import YuanField
from payments.models import HeldCash, HeldCashEnd
from payments.views.notices import visible_notice
from portal.design.fields import DeclarationField, TrimmedCharField
from portal.design.text import format_yuan
from portal.documents.papers import paper_response
from portal.people.access import require_role
from portal.people.actors import Role
from portal.people.models import User
from portal.people.requests import Request
from portal.regions import calendar

AGENT = Role.COMMITTEE_AGENT
COUNTERS = (Role.CASHIER, Role.COUNTY_REVIEWER, Role.AUDITOR)
FORMATS = ("html", "pdf", "docx")
SHOWN = 100

REASONS = {
    "not_open": gettext_lazy("This notice is not to be paid any more. Take no money."),
    "collective": gettext_lazy("This is a notice for many people. Take cash for each person's own notice."),
    "late": gettext_lazy("The pay-by date has passed. Take no money; the payer applies for a new notice."),
    "no_channel": gettext_lazy("This region does not collect through village committees. Take no money."),
    "held": gettext_lazy("Cash for this notice is held already. Take no money a second time."),
    "amount": gettext_lazy("The notice asks for exactly %(amount)s. Take no other sum."),
    "remitted": gettext_lazy("This sum has been counted by the cashier. A refund is proposed by the cashier."),
}


class TakeCashForm(forms.Form):
    """The sum in the agent's hand."""

    amount = YuanField(label=gettext_lazy("Amount received in yuan"))
    taken = DeclarationField(
        label=gettext_lazy("I have counted the cash and give the payer the slip."),
        error_messages={"required": gettext_lazy("Tick that you have counted the cash.")},
    )


class GiveBackForm(forms.Form):
    """Why money goes back to the resident."""

    reason = TrimmedCharField(label=gettext_lazy("Why is the money given back?"), max_length=200)


class CountForm(forms.Form):
    """The rows a cashier counts, and the sum on the table."""

    rows = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Sums handed over"),
        queryset=HeldCash.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Tick the sums that were handed over.")},
    )
    counted = YuanField(label=gettext_lazy("Counted cash in yuan"))

    def __init__(self, *args: Any, rows: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rows"].queryset = rows
        self.fields["rows"].label_from_instance = _row_label


def _row_label(held: HeldCash) -> str:
    return _("%(payer)s, slip %(number)s, notice %(notice)s: %(amount)s") % {
        "payer": held.notice.payer_name,
        "number": held.grouped_number,
        "notice": held.notice.grouped_number,
        "amount": format_yuan(held.amount_fen),
    }


@require_role(AGENT)
@never_cache
@require_safe
def mine(request: Request) -> HttpResponse:
    """What the agent holds, the latest first, and what was remitted or given back."""
    rows = HeldCash.objects.visible_to(request.actor).select_related("notice", "end")
    today = calendar.today()
    held = list(rows.open().order_by("remit_by", "taken_at"))
    context = {
        "held": [(row, row.remit_by < today) for row in held],
        "total": sum(row.amount_fen for row in held),
        "done": rows.filter(end__isnull=False).order_by("-end__at")[:SHOWN],
    }
    return render(request, "payments/cash.html", context)


@require_role(AGENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def take(request: Request, pk: UUID) -> HttpResponse:
    """Records cash for one notice of a case the agent entered, and leads to the slip."""
    notice = visible_notice(request, pk)
    form = TakeCashForm(request.POST if request.method == "POST" else None)
    refused = held_cash.refusal(notice)
    if request.method == "POST" and not refused and form.is_valid():
        try:
            held = held_cash.take(notice=notice, actor=request.actor, amount_fen=form.cleaned_data["amount"])
        except held_cash.CashRefused as refusal:
            form.add_error("amount", str(REASONS[refusal.code]) % {"amount": format_yuan(notice.amount_fen)})
        else:
            return redirect("payments:cash_held", held.pk)
    reason = str(REASONS[refused]) % {"amount": format_yuan(notice.amount_fen)} if refused else ""
    status = 409 if refused and request.method == "POST" else 200
    return render(request, "payments/cash_take.html", {"form": form, "notice": notice, "reason": reason}, status=status)


@require_role(AGENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def held(request: Request, pk: UUID) -> HttpResponse:
    """One sum: its slip to print, and the way to give it back."""
    row = _held(request, pk)
    is_open = not HeldCashEnd.objects.filter(held=row).exists()
    form = GiveBackForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            held_cash.give_back(held=row, actor=request.actor, reason=form.cleaned_data["reason"])
        except held_cash.CashRefused as refusal:
            form.add_error(None, REASONS[refusal.code])
        else:
            return redirect("payments:cash")
    context = {"held": row, "form": form, "is_open": is_open, "state": held_papers.state_words(row)}
    return render(request, "payments/cash_held.html", context)


@require_role(AGENT, Role.RESIDENT, *COUNTERS)
@never_cache
@require_safe
def slip(request: Request, pk: UUID, fmt: str) -> HttpResponse:
    """The slip as web print, PDF or Word file."""
    if fmt not in FORMATS:
        raise Http404
    row = _held(request, pk)
    return paper_response(request, held_papers.slip(row), fmt, f"slip-{row.number}")


@require_role(*COUNTERS)
@never_cache
@require_safe
def remittances(request: Request) -> HttpResponse:
    """What the agents of the area hold, late ones first."""
    return render(request, "payments/remittances.html", {"sums": held_cash.sums_of_agents(request.actor)})


@require_role(*COUNTERS)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def remittance(request: Request, agent_id: int) -> HttpResponse:
    """What one agent holds; a cashier counts it, and a sum that differs from the list is refused with its rows."""
    ever = HeldCash.objects.visible_to(request.actor).filter(taken_by=agent_id)
    rows = ever.open().select_related("notice").order_by("taken_at", "pk")
    shown = list(rows[: held_cash.MOST_ROWS])
    if not shown and not ever.exists():
        raise Http404
    agent = get_object_or_404(User, pk=agent_id)
    is_cashier = request.actor.role == Role.CASHIER
    if request.method == "POST" and not is_cashier:
        raise Http404
    form = CountForm(
        request.POST if request.method == "POST" else None, rows=rows, initial={"rows": [row.pk for row in shown]}
    )
    named: list[HeldCash] = []
    if request.method == "POST" and form.is_valid():
        try:
            held_cash.remit(
                agent_id=agent_id,
                held_ids=[row.pk for row in form.cleaned_data["rows"]],
                counted_fen=form.cleaned_data["counted"],
                actor=request.actor,
            )
        except held_cash.RemittanceRefused as refusal:
            named = list(refusal.rows)
            form.add_error("counted", _refusal_words(refusal))
        else:
            booked = len(form.cleaned_data["rows"])
            messages.success(request, _("Booked: %(count)d sums, each on the day it was taken.") % {"count": booked})
            return redirect("payments:remittances")
    today = calendar.today()
    context = {
        "agent": agent,
        "rows": [(row, row.remit_by < today) for row in shown],
        "total": sum(row.amount_fen for row in shown),
        "form": form,
        "named": named,
        "is_cashier": is_cashier,
    }
    return render(request, "payments/remittance.html", context)


def _refusal_words(refusal: held_cash.RemittanceRefused) -> str:
    if refusal.code == "changed":
        return _("The list has changed meanwhile: a sum was booked or given back. Look at the list again.")
    words = {
        "listed": format_yuan(refusal.listed_fen),
        "counted": format_yuan(refusal.counted_fen),
        "difference": format_yuan(refusal.difference_fen),
    }
    if refusal.counted_fen < refusal.listed_fen:
        return _("Listed %(listed)s, counted %(counted)s: %(difference)s is missing. Nothing was booked.") % words
    return _("Listed %(listed)s, counted %(counted)s: %(difference)s too much. Nothing was booked.") % words


def _held(request: Request, pk: UUID) -> HeldCash:
    rows = HeldCash.objects.visible_to(request.actor).select_related("notice", "taken_by", "office")
    row: HeldCash = get_object_or_404(rows, pk=pk)
    return row
