"""The bank counter of the demo: a teller types or scans a number, sees what is owed, and takes the money."""

import time
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from payments import booking, kinds
from payments.forms import FindForm, TakeForm
from payments.models import Notice, Payment, Reason
from payments.numbers import TypedNumber
from payments.sandbox import book as bank_book
from portal.limits.buckets import take
from portal.people.access import public
from portal.people.actors import Actor, Role
from portal.people.names import mask_name
from portal.regions import calendar

TELLER = Actor(Role.ANONYMOUS, name="demo teller")
LOOKS_PER_MINUTE = 30
PROOF_SALT = "payments.proof"
PROVIDER = "demo-counter"


class TellerForm(TakeForm):
    """What the teller types; the bank tells the portal at once, or only by the statement of the day."""

    report = forms.ChoiceField(
        label=gettext_lazy("How the portal learns of it"),
        choices=[("now", gettext_lazy("At once")), ("statement", gettext_lazy("Only by the bank's statement"))],
        initial="now",
        required=False,
        widget=forms.RadioSelect,
    )


def demo_only(request: HttpRequest) -> None:
    """The counter exists in the demo alone, and answers an address only so often."""
    if not settings.DEMO:
        raise Http404
    take(f"demo-bank:{request.META.get('REMOTE_ADDR', '')}", capacity=LOOKS_PER_MINUTE, seconds=60)


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def counter(request: HttpRequest) -> HttpResponse:
    """Finds a notice by number, shows title, masked payer and amount, and books what the teller takes."""
    demo_only(request)
    if "number" not in request.GET:
        return render(request, "payments/counter.html", {"form": FindForm()})
    form = FindForm(request.GET)
    if not form.is_valid():
        return render(request, "payments/counter.html", {"form": form})
    typed: TypedNumber = form.cleaned_data["number"]
    named = Notice.objects.with_number(typed).select_related("policy__region", "region", "superseded_by").first()
    if named is None:
        form.add_error(
            "number", _("No notice has this number. The check digits are right; is it a notice of this portal?")
        )
        return render(request, "payments/counter.html", {"form": form})
    notice = booking.latest(named)
    if request.method == "POST" and (seen := _taken_before(request)) is not None:
        return _to_proof(seen)
    refusal = _refusal(notice)
    taking = None if refusal else _taking(request, notice)
    if request.method == "POST" and taking is not None and taking.is_valid():
        _note(notice, taking.cleaned_data)
        if taking.cleaned_data["report"] == "statement":
            messages.success(request, _("Taken. The portal learns of it by the bank's statement of the day."))
            return redirect("payments:counter")
        return _to_proof(_book(typed, taking.cleaned_data))
    context = {
        "form": FindForm(initial={"number": request.GET["number"]}),
        "taking": taking,
        "forms": [taking] if taking else [],
        "named": named,
        "notice": notice,
        "payer": mask_name(notice.payer_name),
        "payee": kinds.MODULES[notice.kind].payee(notice.policy.policy),
        "refusal": refusal,
        "replaced": notice.pk != named.pk,
    }
    return render(request, "payments/counter.html", context)


@public
@never_cache
@require_safe
def proof(request: HttpRequest, token: str) -> HttpResponse:
    """The small proof for the payer; it names nobody in full."""
    demo_only(request)
    try:
        pk = UUID(signing.loads(token, salt=PROOF_SALT))
    except signing.BadSignature as error:
        raise Http404 from error
    payment = Payment.objects.select_related("notice__policy").filter(pk=pk).first()
    if payment is None:
        raise Http404
    context = {
        "payment": payment,
        "payer": mask_name(payment.notice.payer_name) if payment.notice else "",
        "reason": payment.waiting_reason,
    }
    return render(request, "payments/proof.html", context)


def _to_proof(payment: Payment) -> HttpResponse:
    return redirect("payments:counter_proof", signing.dumps(str(payment.pk), salt=PROOF_SALT))


def _taken_before(request: HttpRequest) -> Payment | None:
    """The payment that the same form booked before: a second click shows the first proof."""
    transaction = request.POST.get("transaction", "")
    providers = [f"{PROVIDER}-{means}" for means in ("cash", "card")]
    return Payment.objects.filter(provider__in=providers, provider_txn=transaction).first() if transaction else None


def _taking(request: HttpRequest, notice: Notice) -> TellerForm:
    if request.method == "POST":
        return TellerForm(request.POST, notice=notice)
    return TellerForm(notice=notice, initial={"transaction": uuid4().hex, "channel": notice.channels[0].code})


def _refusal(notice: Notice) -> str:
    """What the teller reads when no money may be taken for this notice, or an empty text."""
    channel = notice.channels[0].code
    reason = booking.verdict(notice, channel=channel, amount_fen=notice.amount_fen, paid_on=calendar.today())
    texts = {
        Reason.DUPLICATE: _("This notice has been paid already. Take no money."),
        Reason.LATE: _("The pay-by date has passed. Take no money; the payer applies for a new notice."),
        Reason.CANCELLED: _("This notice was cancelled. Take no money."),
        Reason.SUPERSEDED: _("This notice was replaced. Take no money on it."),
    }
    return texts[Reason(reason)] if reason else ""


def _note(notice: Notice, taken: dict[str, Any]) -> None:
    """Writes what was taken into the bank's own book, from which its statement is made."""
    bank = next((channel.bank_code for channel in notice.channels if channel.code == taken["channel"]), "")
    bank_book.note_taken(
        txn=taken["transaction"],
        pay_code=notice.pay_code,
        number=notice.number,
        payer=mask_name(notice.payer_name),
        amount_fen=taken["amount"],
        bank=bank,
        means=taken["means"],
        at=time.time(),
        kind=notice.kind,
    )


def _book(typed: TypedNumber, taken: dict[str, Any]) -> Payment:
    return booking.book_payment(
        channel=taken["channel"],
        provider=f"{PROVIDER}-{taken['means']}",
        provider_txn=taken["transaction"],
        amount_fen=taken["amount"],
        paid_on=calendar.today(),
        notice_number=typed.digits,
        actor=TELLER,
    )
