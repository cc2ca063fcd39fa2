"""Paying a notice online: choose a channel, scan, wait; and the address at which channels report payments."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payments import callbacks, gateways, kinds, orders, places
from payments.devices import opens_apps
from payments.gateways import NotOffered
from payments.gateways.base import CallbackRefused, Refused, Unreachable
from payments.models import Notice, OrderState, PaymentOrder, Reason, Way
from payments.states import State
from payments.views.notices import visible_notice
from portal import audit
from portal.documents.papers.codes import code_data_uri
from portal.documents.papers.structure import PaperCode
from portal.limits import take
from portal.limits.addresses import client_address
from portal.people.access import public, require_role
from portal.people.actors import ANONYMOUS, Role
from portal.people.requests import Request

LARGEST_CALLBACK = 64 * 1024
CALLBACKS_PER_MINUTE = 600
CLICKS_PER_MINUTE = 20
REFRESH_SECONDS = 5
PLACES_SHOWN = 5


@require_role(Role.RESIDENT)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: Request, pk: UUID) -> HttpResponse:
    """Amount, who collects, by when, and every way to pay, online first (UX-R23, S1-09..13, S4-19)."""
    notice = visible_notice(request, pk)
    if request.method == "POST":
        return _pay_now(request, notice)
    at = timezone.now()
    channel = orders.online_channel(notice)
    reason = orders.refusal(notice, at) if notice.state == State.ISSUED and channel else ""
    context = {
        "notice": notice,
        "payee": kinds.MODULES[notice.kind].payee(notice.policy.policy),
        "gateways": list(gateways.offered().values()) if channel and not reason else [],
        "ways": [way for way in places.ways_to_pay(notice, PLACES_SHOWN) if not way.channel.online],
        "overdue": reason == Reason.LATE,
        "on_phone": opens_apps(request.headers.get("User-Agent", "")),
        "live": PaymentOrder.objects.live().filter(notice=notice, expires_at__gt=at).first(),
        "hotline": notice.policy.policy.setting("hotline", "12393"),
    }
    return render(request, "payments/pay.html", context)


def _pay_now(request: Request, notice: Notice) -> HttpResponse:
    take(f"pay:{request.actor.user_id}", capacity=CLICKS_PER_MINUTE, seconds=60)
    way = request.POST.get("way", "")
    on_phone = way == Way.H5 or (way != Way.CODE and opens_apps(request.headers.get("User-Agent", "")))
    try:
        order = orders.pay_now(
            notice,
            request.POST.get("provider", ""),
            actor=request.actor,
            client_ip=client_address(request) if on_phone else "",
        )
    except NotOffered:
        messages.error(request, _("Choose one of the ways to pay."))
    except orders.NotPayable:
        messages.error(request, _("This notice cannot be paid online now. See its page for what to do."))
        return redirect(notice)
    except (Refused, Unreachable):
        messages.error(
            request,
            _("The payment service does not answer. Nothing was taken. Try again in a minute, or pay at a counter."),
        )
    else:
        return redirect("payments:order", order.pk)
    return redirect("payments:pay", notice.pk)


@require_role(Role.RESIDENT)
@never_cache
@require_safe
def order(request: Request, pk: UUID) -> HttpResponse:
    """The code to scan and, once paid, that nothing more is to be paid; opening or reloading changes nothing (E4)."""
    rows = PaymentOrder.objects.visible_to(request.actor).select_related("notice__policy", "payment__exception")
    found = get_object_or_404(rows, pk=pk)
    at = timezone.now()
    stage = _stage(found, is_over=found.expires_at <= at)
    is_h5 = found.way == Way.H5
    gateway = gateways.offered().get(found.provider)
    on_phone = opens_apps(request.headers.get("User-Agent", ""))
    context = {
        "is_h5": is_h5,
        "on_phone": on_phone,
        "is_demo": settings.DEMO,
        "link_is_over": found.link_until is not None and found.link_until <= at,
        "other_way": Way.CODE if is_h5 else Way.H5,
        "may_switch": bool(gateway and gateway.knows_phones) and (is_h5 or on_phone),
        "order": found,
        "notice": found.notice,
        "stage": stage,
        "gateway": gateway,
        "picture": code_data_uri(PaperCode("qr", found.code, "")) if stage == "scan" and not is_h5 else "",
        "reason": found.payment.waiting_reason if found.payment else "",
        "may_retry": stage in ("opening", "closed") and not orders.refusal(found.notice, at),
        "refresh_seconds": REFRESH_SECONDS,
        "hotline": found.notice.policy.policy.setting("hotline", "12393"),
    }
    return render(request, "payments/pay_order.html", context)


def _stage(found: PaymentOrder, *, is_over: bool) -> str:
    """What the payer is told: one of paid, kept, scan, opening, asking, closed."""
    if found.payment:
        return "paid" if found.payment.settled else "kept"
    if found.notice.state in (State.PAID, State.REFUNDING, State.REFUNDED):
        return "paid"
    if found.state == OrderState.CLOSED:
        return "closed"
    if found.state == OrderState.CLOSING or is_over:
        return "asking"
    return "scan" if found.state == OrderState.OPEN else "opening"


@public
@csrf_exempt
@never_cache
@require_POST
def callback(request: HttpRequest, provider: str) -> HttpResponse:
    """Takes what a channel reports; it proves itself by its signature alone. Refusals are audited without personal
    data (E5, REL-B3).
    """
    try:
        gateway = gateways.gateway(provider)
    except NotOffered as error:
        raise Http404 from error
    take(f"callback:{client_address(request)}", capacity=CALLBACKS_PER_MINUTE, seconds=60)
    try:
        callbacks.take(gateway, _bounded(request), request.headers)
    except CallbackRefused as refusal:
        details = {"provider": provider, "reason": refusal.reason}
        audit.record("payment.callback_refused", ANONYMOUS, outcome="refused", details=details)
        return gateway.rejected(refusal)
    return gateway.accepted()


def _bounded(request: HttpRequest) -> bytes:
    """The raw body, unless it is packed or larger than any callback."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise CallbackRefused("encoding", 415)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > LARGEST_CALLBACK:
        raise CallbackRefused("size", 413)
    return request.body
