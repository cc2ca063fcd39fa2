import hmac
import json
from typing import Any

import pytest
from django.test import Client

from portal.audit.models import AuditEntry
from portal.outbox.models import Delivery, DeliveryReport, Message, MessageState
from portal.outbox.reports import record_report
from portal.outbox.services import enqueue
from tests.people_cast import Cast, actor, sign_in

pytestmark = pytest.mark.django_db
CODE = {"code": "135790", "minutes": 5}


def store(key: str, **values: Any) -> Message:
    return enqueue(key=key, template="one_time_code", params=CODE, **values)


def test_resident_reads_the_messages_of_the_household_and_no_others(client: Client, cast: Cast) -> None:
    """REL-M2, M4."""
    for person in (cast.zhang, cast.child, cast.wang):
        enqueue(
            key=f"m:{person.pk}",
            template="one_time_code",
            params={"code": person.name, "minutes": 5},
            resident_id=person.pk,
        )
    store("code:1", resident_id=cast.zhang.pk, urgent=True)
    sign_in(client, cast.guardian)
    page = client.get("/messages/").content.decode()
    assert cast.zhang.name in page
    assert cast.child.name in page
    assert cast.wang.name not in page
    assert "135790" not in page
    assert Message.objects.visible_to(actor(cast.admin)).count() == 0


def test_visitor_and_staff_have_no_message_list(client: Client, cast: Cast) -> None:
    assert client.get("/messages/").status_code == 302
    sign_in(client, cast.clerk)
    assert client.get("/messages/").status_code == 403


def test_operator_sends_a_stuck_message_again_once(client: Client, cast: Cast) -> None:
    """The list shows no text and no number; the second click finds nothing left to do."""
    message = store("m:1", phone="19900000001")
    Message.objects.filter(pk=message.pk).update(state=MessageState.FAILED, next_try_at=None, error="http_400")
    sign_in(client, cast.admin)
    page = client.get("/desk/messages/").content.decode()
    assert "http_400" in page
    assert "19900000001" not in page
    assert "135790" not in page
    assert client.post(f"/desk/messages/{message.pk}/send-again/").status_code == 302
    assert client.post(f"/desk/messages/{message.pk}/send-again/").status_code == 404
    assert Message.objects.get().state == MessageState.PENDING
    assert AuditEntry.objects.filter(action="message.sent_again").count() == 1
    sign_in(client, cast.clerk)
    assert client.get("/desk/messages/").status_code == 403


def test_demo_phone_shows_one_number_newest_first(client: Client) -> None:
    """issue 2: looks like a phone, works without scripts."""
    from portal.outbox.tasks import drain

    for number, phone in enumerate(["19900000001", "19900000002", "19900000001"]):
        enqueue(
            key=f"m:{number}", template="one_time_code", params={"code": f"71828{number}", "minutes": 5}, phone=phone
        )
        drain()
    page = client.get("/demo/phone/").content.decode()
    assert page.index("718282") < page.index("718280")
    assert "718281" not in page
    assert 'http-equiv="refresh"' in page
    assert "style=" not in page.split("<main", 1)[1].split("</main>")[0]


def test_demo_phone_is_not_there_in_production(client: Client, settings: Any) -> None:
    settings.DEMO = False
    assert client.get("/demo/phone/").status_code == 404


def report(client: Client, body: bytes, token: str = "gateway-token", **headers: str) -> int:
    signature = hmac.new(token.encode(), body, "sha256").hexdigest()
    return client.post(
        "/gateway/sms/reports/", body, content_type="application/json", headers={"X-Signature": signature} | headers
    ).status_code


@pytest.fixture
def sent(settings: Any) -> Message:
    """A message that the gateway accepted as gw-1."""
    settings.SMS_GATEWAY_TOKEN = "gateway-token"
    message = store("m:1", phone="19900000001")
    Message.objects.filter(pk=message.pk).update(
        state=MessageState.SENT, next_try_at=None, provider="http", provider_id="gw-1"
    )
    return message


def delivery() -> str:
    return Message.objects.get(key="m:1").delivery


def test_signed_report_is_recorded_once(client: Client, sent: Message) -> None:
    """REL-I8: a report twice is one row."""
    body = json.dumps({"id": "gw-1", "status": "delivered"}).encode()
    assert [report(client, body), report(client, body)] == [204, 204]
    assert DeliveryReport.objects.count() == 1
    assert delivery() == Delivery.DELIVERED


def test_late_report_does_not_go_back(sent: Message) -> None:
    """REL-I8: later states win, never back."""
    for status in (Delivery.UNDELIVERED, Delivery.DELIVERED, Delivery.ON_ITS_WAY):
        assert record_report(provider="http", provider_id="gw-1", status=status)
    assert delivery() == Delivery.DELIVERED


def test_report_about_an_unknown_message_is_kept(client: Client, sent: Message) -> None:
    assert report(client, json.dumps({"id": "gw-77", "status": "delivered"}).encode()) == 204
    assert DeliveryReport.objects.get().message is None


@pytest.mark.parametrize(
    ("body", "token", "status"),
    [
        (b'{"id": "gw-1", "status": "delivered"}', "other-token", 403),
        (b'{"id": "gw-1", "status": ""}', "gateway-token", 400),
        (b'{"id": "gw-1", "status": "lost"}', "gateway-token", 400),
        (b'{"id": 1, "status": "delivered"}', "gateway-token", 400),
        (b"[]", "gateway-token", 400),
        (b"\xff\xfe", "gateway-token", 400),
        (b"[" * 50_000, "gateway-token", 400),
        (b"x" * 70_000, "gateway-token", 413),
    ],
)
def test_bad_report_changes_nothing(client: Client, sent: Message, body: bytes, token: str, status: int) -> None:
    """RELIABILITY §4.7 callbacks: POST only, 64 KB, signature over the raw body."""
    assert report(client, body, token) == status
    assert not DeliveryReport.objects.exists()
    assert client.get("/gateway/sms/reports/").status_code == 405


def test_reports_are_refused_while_no_token_is_set(client: Client, sent: Message, settings: Any) -> None:
    settings.SMS_GATEWAY_TOKEN = ""
    assert report(client, b'{"id": "gw-1", "status": "delivered"}', token="") == 403
