"""The cashier's window: one field to find, one to take, a receipt to print, and the list of the day."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from payments import cashdesk, tills
from payments.forms import LONGEST_TYPED, TillForm, YuanField
from payments.models import Notice, Reason
from payments.numbers import InvalidNumber
from payments.views.notices import visible_notice
from portal import audit
from portal.design.text import format_yuan
from portal.people.access import require_role
from portal.people.actors import Actor, Role
from portal.people.requests import Request
from portal.regions import calendar

GIVEN_SALT = "payments.cashier.given"


class LookUpForm(forms.Form):
    """Number, scanned code or name."""

    q = forms.CharField(
        label=gettext_lazy("Notice number, scanned code or name of the payer"),
        max_length=LONGEST_TYPED,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "class": "govuk-input--width-20"}),
    )


class WindowForm(forms.Form):
    """What the payer hands over; the amount itself cannot be changed."""

    channel = forms.ChoiceField(label=gettext_lazy("Booked as"), widget=forms.RadioSelect)
    means = forms.ChoiceField(
        label=gettext_lazy("Paid by"),
        choices=[("cash", gettext_lazy("Cash")), ("card", gettext_lazy("Bank card"))],
        initial="cash",
        widget=forms.RadioSelect,
    )
    given = YuanField(
        label=gettext_lazy("Cash received in yuan"),
        required=False,
        help_text=gettext_lazy("Leave empty for the exact amount. The change is worked out for you."),
    )
    token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, notice: Notice, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.notice = notice
        known = cashdesk.window_channels(notice, actor)
        self.fields["channel"].choices = [(channel.code, channel.name) for channel in known]
        self.fields["channel"].initial = known[0].code if known else ""
        self.fields["given"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given = cleaned.get("given")
        if given is not None and given < self.notice.amount_fen:
            asked = format_yuan(self.notice.amount_fen)
            self.add_error("given", _("This is less than %(amount)s. Take the whole amount.") % {"amount": asked})
        elif given is not None and cleaned.get("means") == "card" and given != self.notice.amount_fen:
            self.add_error("given", _("A card pays the exact amount. Leave this empty."))
        return cleaned


@require_role(Role.CASHIER)
@never_cache
@require_safe
def cashier(request: Request) -> HttpResponse:
    """Finds by number, scanned code or name; one hit opens at once."""
    form = LookUpForm(request.GET if "q" in request.GET else None)
    found: list[Notice] = []
    if form.is_bound and form.is_valid():
        try:
            found = cashdesk.find(request.actor, form.cleaned_data["q"])
        except InvalidNumber as error:
            form.add_error("q", str(error))
        else:
            if len(found) == 1:
                return redirect("payments:cashier_notice", found[0].pk)
            if not found:
                form.add_error("q", _("Nothing to pay was found in your region. Compare with the paper."))
            else:
                audit.record("notice.searched", request.actor, details={"hits": len(found)})
    earlier = tills.uncounted_of(request.actor).filter(paid_on__lt=calendar.today()).order_by("paid_on").first()
    context = {"form": form, "found": found, "uncounted_on": earlier.paid_on if earlier else None}
    return render(request, "payments/cashier.html", context)


@require_role(Role.CASHIER)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def cashier_notice(request: Request, pk: UUID) -> HttpResponse:
    """What is owed, by the payer and by the household; takes the money once however often it is posted (UX-E15)."""
    notice = visible_notice(request, pk)
    audit.record("notice.viewed", request.actor, subject=notice)
    reason = cashdesk.refusal(notice, request.actor)
    form = None
    if request.method == "POST":
        form = WindowForm(request.POST, notice=notice, actor=request.actor)
        if form.is_valid():
            return _take(request, notice, form.cleaned_data)
        if reason:
            return redirect("payments:cashier_notice", pk)
    elif not reason:
        form = WindowForm(initial={"token": uuid4()}, notice=notice, actor=request.actor)
    context = {
        "notice": notice,
        "form": form,
        "refusal": _words(reason),
        "together": cashdesk.owed_together(notice, request.actor),
    }
    return render(request, "payments/cashier_notice.html", context)


def _take(request: Request, notice: Notice, cleaned: dict[str, Any]) -> HttpResponse:
    try:
        payment = cashdesk.take(
            notice=notice,
            actor=request.actor,
            channel=cleaned["channel"],
            means=cleaned["means"],
            token=cleaned["token"],
        )
    except cashdesk.NotTaken as refused:
        messages.error(request, _words(refused.reason))
        return redirect("payments:cashier_notice", notice.pk)
    given = cleaned.get("given") or payment.amount_fen
    return redirect("payments:cashier_done", payment.pk, signing.dumps(given, salt=GIVEN_SALT))


def _words(reason: str) -> str:
    """What the cashier reads when no money may be taken; empty when it may."""
    texts = {
        "own_case": _("This concerns your own household. A colleague takes the money."),
        "no_channel": _("This notice is not paid at this window. The places are on the notice."),
        Reason.DUPLICATE: _("This notice has been paid already. Take no money."),
        Reason.LATE: _("The pay-by date has passed. Take no money; the payer applies for a new notice."),
        Reason.CANCELLED: _("This notice was cancelled. Take no money."),
        Reason.SUPERSEDED: _("This notice was replaced. Take no money on it."),
        Reason.WRONG_BANK: _("This notice is not paid at this window. The places are on the notice."),
    }
    return texts[reason] if reason else ""


@require_role(Role.CASHIER)
@never_cache
@require_safe
def cashier_done(request: Request, pk: UUID, given: str) -> HttpResponse:
    """Amount, change and receipt of a payment the cashier took."""
    payment = get_object_or_404(cashdesk.own_payments(request.actor).select_related("notice__policy__region"), pk=pk)
    try:
        given_fen = int(signing.loads(given, salt=GIVEN_SALT))
    except (signing.BadSignature, ValueError):
        given_fen = payment.amount_fen
    context = {
        "payment": payment,
        "notice": payment.notice,
        "given_fen": given_fen,
        "change_fen": given_fen - payment.amount_fen,
        "together": cashdesk.owed_together(payment.notice, request.actor) if payment.notice else [],
    }
    return render(request, "payments/cashier_done.html", context)


@require_role(Role.CASHIER)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def cashier_day(request: Request) -> HttpResponse:
    """The cashier's own list of a day, printable, and the count of the till that ends it."""
    try:
        on = date.fromisoformat(request.GET.get("on", ""))
    except ValueError:
        on = calendar.today()
    on = min(on, calendar.today())
    form = TillForm(request.POST if request.method == "POST" else None)
    differences: list[str] = []
    if form.is_bound and form.is_valid():
        counted = form.cleaned_data
        try:
            tills.count_till(actor=request.actor, on=on, cash_fen=counted["cash"], card_fen=counted["card"])
        except tills.TillDiffers as refusal:
            differences = refusal.differences
        except tills.NothingToCount:
            messages.error(request, _("Everything of this day is counted already."))
            return redirect(f"{request.path}?on={on.isoformat()}")
        else:
            messages.success(request, _("Counted. It agrees with what was booked."))
            return redirect(f"{request.path}?on={on.isoformat()}")
    uncounted = tills.uncounted_of(request.actor)
    context = {
        "day": cashdesk.day_list(request.actor, on),
        "counts": tills.counts_of(request.actor, on),
        "uncounted": uncounted.filter(paid_on=on).count(),
        "older": [
            day for day in uncounted.order_by("paid_on").values_list("paid_on", flat=True).distinct() if day < on
        ],
        "form": form,
        "differences": differences,
    }
    return render(request, "payments/cashier_day.html", context, status=409 if differences else 200)
