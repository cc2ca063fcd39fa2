"""The sandbox bank over HTTP: the two gateways, the cashier's page behind the code, and what the bank has to tell.

Exists in the demo alone. Nothing here touches the portal's own rows; the portal learns of payments by callback, by
question and by statement, as it would from a real bank.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payments.gateways.signatures import strict_json
from payments.sandbox import alipay, book, post, statements, wechat
from payments.sandbox.faults import BACK_FAULTS, FAULTS, Fault
from payments.sandbox.keys import MCHID
from portal.limits import take
from portal.limits.addresses import client_address
from portal.people.access import public
from portal.regions import calendar

PAGES_PER_MINUTE = 60
CALLS_PER_MINUTE = 600
SHOWN = 30
TRADE_STATES = {
    "open": gettext_lazy("To be paid"),
    "paid": gettext_lazy("Paid"),
    "closed": gettext_lazy("Cancelled"),
    "refunded": gettext_lazy("Refunded"),
}


def demo_only(request: HttpRequest, *, per_minute: int = PAGES_PER_MINUTE) -> None:
    """The bank exists in the demo alone, and answers an address only so often."""
    if not settings.DEMO:
        raise Http404
    take(f"sandbox:{per_minute}:{client_address(request)}", capacity=per_minute, seconds=60)


def _cashier_address() -> str:
    return settings.PUBLIC_URL + reverse("payments:sandbox_cashier", args=["x"]).removesuffix("x/")


@public
@csrf_exempt
@require_POST
def wechat_native(request: HttpRequest) -> HttpResponse:
    """POST /v3/pay/transactions/native."""
    return _wechat_order(request, is_h5=False)


@public
@csrf_exempt
@require_POST
def wechat_h5(request: HttpRequest) -> HttpResponse:
    """POST /v3/pay/transactions/h5."""
    return _wechat_order(request, is_h5=True)


def _wechat_order(request: HttpRequest, *, is_h5: bool) -> HttpResponse:
    demo_only(request, per_minute=CALLS_PER_MINUTE)
    if not wechat.is_ours(request):
        return wechat.refuse("SIGN_ERROR", 401)
    try:
        return wechat.open_order(strict_json(request.body), _cashier_address(), is_h5=is_h5)
    except (ValueError, KeyError):
        return wechat.refuse("PARAM_ERROR", 400)


@public
@require_safe
def wechat_query(request: HttpRequest, number: str) -> HttpResponse:
    """GET /v3/pay/transactions/out-trade-no/{out_trade_no}."""
    demo_only(request, per_minute=CALLS_PER_MINUTE)
    if not wechat.is_ours(request) or request.GET.get("mchid") != MCHID:
        return wechat.refuse("SIGN_ERROR", 401)
    row = book.trade(wechat.PROVIDER, number)
    return wechat.answer(wechat.transaction(row)) if row else wechat.refuse("ORDER_NOT_EXIST", 404)


@public
@csrf_exempt
@require_POST
def wechat_close(request: HttpRequest, number: str) -> HttpResponse:
    """POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close."""
    demo_only(request, per_minute=CALLS_PER_MINUTE)
    if not wechat.is_ours(request):
        return wechat.refuse("SIGN_ERROR", 401)
    state = book.close_trade(wechat.PROVIDER, number)
    if state == "closed":
        return wechat.answer(None, 204)
    return wechat.refuse("ORDERPAID", 400) if state else wechat.refuse("ORDER_NOT_EXIST", 404)


@public
@csrf_exempt
@require_POST
def wechat_refund(request: HttpRequest) -> HttpResponse:
    """POST /v3/refund/domestic/refunds."""
    demo_only(request, per_minute=CALLS_PER_MINUTE)
    if not wechat.is_ours(request):
        return wechat.refuse("SIGN_ERROR", 401)
    try:
        return wechat.pay_back(strict_json(request.body))
    except (ValueError, KeyError, TypeError):
        return wechat.refuse("PARAM_ERROR", 400)


@public
@require_safe
def wechat_refund_query(request: HttpRequest, number: str) -> HttpResponse:
    """GET /v3/refund/domestic/refunds/{out_refund_no}."""
    demo_only(request, per_minute=CALLS_PER_MINUTE)
    if not wechat.is_ours(request):
        return wechat.refuse("SIGN_ERROR", 401)
    row = book.payback(wechat.PROVIDER, number)
    return wechat.answer(wechat.told_back(row)) if row else wechat.refuse("RESOURCE_NOT_EXISTS", 404)


@public
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def alipay_gateway(request: HttpRequest) -> HttpResponse:
    """gateway.do, with the parameters in the address as the library sends them."""
    demo_only(request, per_minute=CALLS_PER_MINUTE)
    if not alipay.is_ours(request):
        return alipay.answer("error_response", {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.sign"})
    try:
        content = strict_json(request.GET.get("biz_content", ""))
    except ValueError:
        content = {}
    said: QueryDict = request.GET
    if said.get("method") == "alipay.trade.wap.pay":
        addresses = {name: said.get(name, "") for name in ("notify_url", "return_url")}
        page = alipay.wap_page(content, addresses, _cashier_address())
        return redirect(page) if page else render(request, "payments/sandbox_over.html", status=400)
    return alipay.serve(said.get("method", ""), content, said.get("notify_url", ""), _cashier_address())


class BackForm(forms.Form):
    """What happens to refunds of the payment."""

    back_fault = forms.ChoiceField(
        label=gettext_lazy("What goes wrong with a refund"),
        choices=BACK_FAULTS,
        required=False,
        widget=forms.RadioSelect,
    )


class PayForm(forms.Form):
    """What happens to the callback of the payment."""

    fault = forms.ChoiceField(
        label=gettext_lazy("What goes wrong"), choices=FAULTS, required=False, widget=forms.RadioSelect
    )


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def cashier(request: HttpRequest, token: str) -> HttpResponse:
    """What the app shows after the scan: merchant, amount, one button; and the switch for what goes wrong."""
    demo_only(request)
    row = book.one("SELECT * FROM trade WHERE token = ?", token)
    if row is None:
        raise Http404
    is_paid = row["state"] in ("paid", "refunded")
    form: forms.Form = PayForm(request.POST or None)
    if is_paid:
        wish = book.wish(row["provider"], row["number"])
        form = BackForm(request.POST or None, initial={"back_fault": wish})
    if request.method == "POST" and form.is_valid() and "back_fault" in form.cleaned_data:
        book.set_wish(row["provider"], row["number"], form.cleaned_data["back_fault"])
        messages.success(request, _("Noted for the refunds of this payment."))
        return redirect("payments:sandbox_cashier", token)
    if request.method == "POST" and form.is_valid():
        if post.pay(token, form.cleaned_data["fault"] or Fault.NONE) is None:
            messages.error(request, _("This order is paid, closed or over already."))
        return redirect(request.get_full_path())
    context = {
        "trade": row,
        "form": form,
        "is_paid": is_paid,
        "is_wechat": row["provider"] == wechat.PROVIDER,
        "back_to": _merchant_page(request.GET.get("redirect_url", "")),
    }
    return render(request, "payments/sandbox_cashier.html", context)


def _merchant_page(address: str) -> str:
    """Where an H5 order lets the payer return to: a page of this portal, nowhere else."""
    return address if address.startswith(f"{settings.PUBLIC_URL}/") else ""


@public
@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The bank's last trades and the callbacks it owes."""
    demo_only(request)
    context: dict[str, Any] = {
        "trades": [
            {**dict(row), "words": TRADE_STATES[row["state"]]}
            for row in book.rows("SELECT * FROM trade ORDER BY rowid DESC LIMIT ?", SHOWN)
        ],
        "letters": book.rows("SELECT * FROM letter ORDER BY id DESC LIMIT ?", SHOWN),
        "paybacks": book.rows("SELECT * FROM payback ORDER BY at DESC LIMIT ?", SHOWN),
        "kinds": statements.KINDS,
        "encodings": statements.ENCODINGS,
        "faults": statements.FAULTS,
        "banks": [row["bank"] for row in book.rows("SELECT DISTINCT bank FROM taken WHERE bank <> '' ORDER BY bank")],
        "today": calendar.today(),
    }
    return render(request, "payments/sandbox.html", context)


class StatementForm(forms.Form):
    """Which file of which day, and what is wrong with it."""

    on = forms.DateField(label=gettext_lazy("Day"), required=False)
    bank = forms.CharField(required=False, max_length=10)
    encoding = forms.ChoiceField(choices=statements.ENCODINGS, required=False)
    fault = forms.ChoiceField(choices=statements.FAULTS, required=False)


@public
@never_cache
@require_safe
def statement(request: HttpRequest, kind: str) -> HttpResponse:
    """The bank's file of a day for download: bank detail, WeChat Pay bill or Alipay bill."""
    demo_only(request)
    form = StatementForm(request.GET)
    if kind not in dict(statements.KINDS) or not form.is_valid():
        raise Http404
    wanted = form.cleaned_data
    on = wanted["on"] or calendar.today()
    body = statements.content(
        kind,
        on,
        bank_code=wanted["bank"] or statements.BANK,
        encoding=wanted["encoding"] or "utf-8",
        fault=wanted["fault"],
    )
    response = HttpResponse(body, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{statements.name_of(kind, on)}"'
    return response


@public
@require_POST
def send_now(request: HttpRequest) -> HttpResponse:
    """Sends every callback the bank owes at once instead of in its time."""
    demo_only(request)
    sent = post.send_due(at_once=True)
    messages.success(request, _("Callbacks sent: %(count)d") % {"count": sent})
    return redirect("payments:sandbox")
