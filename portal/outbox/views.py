"""The resident's list of messages, the list of unsent ones, the gateway's reports, and the demo telephone."""

import hmac
import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from portal.crypto import blind_index
from portal.design.components import PageLinks
from portal.outbox.models import Delivery, DemoSms, Message
from portal.outbox.providers import configured
from portal.outbox.reports import record_report
from portal.outbox.services import send_again as send_message_again
from portal.people.access import public, require_role
from portal.people.actors import Role
from portal.people.requests import Request

PER_PAGE = 20
PHONE_MESSAGES = 2_000
SHOWN_PER_PHONE = 20
REFRESH_SECONDS = 5
MAX_REPORT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Telephone:
    """One number of the demo and what arrived on it, newest first."""

    handle: str
    phone: str
    messages: list[DemoSms]


@require_role(Role.RESIDENT)
@never_cache
@require_safe
def message_list(request: Request) -> HttpResponse:
    """Every message to this resident or about the own people, newest first: date, text, whether it arrived."""
    rows = Message.objects.visible_to(request.actor).select_related("resident").order_by("-created_at", "-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "outbox/message_list.html", {"page": page, "links": _links(page)})


def _links(page: Page) -> PageLinks:
    """The neighbours of a page for the pagination component."""
    earlier = f"?page={page.previous_page_number()}" if page.has_previous() else ""
    later = f"?page={page.next_page_number()}" if page.has_next() else ""
    return PageLinks(earlier, later, shown=page.end_index(), total=page.paginator.count)


@require_role(Role.ADMIN)
@never_cache
@require_safe
def unsent(request: Request) -> HttpResponse:
    """Messages that need a human: given up, or of unknown fate; without their texts, which are the residents' own."""
    rows = Message.objects.in_care_of(request.actor).stuck().order_by("-created_at", "-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "outbox/unsent.html", {"page": page, "links": _links(page)})


@require_role(Role.ADMIN)
@require_POST
def send_again(request: Request, pk: int) -> HttpResponse:
    """Puts a stuck message back into the queue under its old reference."""
    message = get_object_or_404(Message.objects.in_care_of(request.actor).stuck().filter(urgent=False), pk=pk)
    send_message_again(message, actor=request.actor)
    return redirect("outbox:unsent")


@public
@csrf_exempt
@require_POST
def delivery_report(request: HttpRequest) -> HttpResponse:
    """Takes one delivery report, signed with the gateway's token over the raw body; answers 204 only after it is
    stored.
    """
    token = getattr(settings, "SMS_GATEWAY_TOKEN", "")
    if int(request.headers.get("Content-Length") or 0) > MAX_REPORT_BYTES:
        return HttpResponse(status=413)
    body = request.body
    signature = hmac.new(token.encode(), body, "sha256").hexdigest()
    if not token or not hmac.compare_digest(signature, request.headers.get("X-Signature", "")):
        return HttpResponse(status=403)
    try:
        report = _read_report(json.loads(body))
    except (ValueError, RecursionError):
        return HttpResponse(status=400)
    record_report(provider="http", **report)
    return HttpResponse(status=204)


@public
@never_cache
@require_safe
def demo_phone(request: HttpRequest) -> HttpResponse:
    """The telephone of the demo: what residents would read on their own."""
    if not settings.DEMO or configured().name != "demo":
        raise Http404
    telephones: dict[str, Telephone] = {}
    for row in DemoSms.objects.order_by("-arrived_at", "-pk")[:PHONE_MESSAGES]:
        handle = blind_index(row.phone, purpose="outbox.demo_phone")[:12]
        shown = telephones.setdefault(handle, Telephone(handle, row.phone, [])).messages
        if len(shown) < SHOWN_PER_PHONE:
            shown.append(row)
    chosen = telephones.get(request.GET.get("of", "")) or next(iter(telephones.values()), None)
    context = {"telephones": list(telephones.values()), "chosen": chosen, "refresh_seconds": REFRESH_SECONDS}
    return render(request, "outbox/demo_phone.html", context)


def _read_report(data: Any) -> dict[str, Any]:
    """The fields of a report; raises ValueError."""
    if not isinstance(data, dict) or not isinstance(data.get("id"), str) or not 0 < len(data["id"]) <= 100:
        raise ValueError("a report names a message")
    status = Delivery(str(data.get("status")))
    if status == Delivery.NONE:
        raise ValueError("a report has a state")
    return {"provider_id": data["id"], "status": status}
