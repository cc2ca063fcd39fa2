"""The list of messages: what was sent to me and about my people, whether it arrived, nobody else's (F5)."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from portal.outbox.models import Delivery, Message, MessageState
from portal.outbox.services import enqueue
from tests.people_cast import sign_in

pytestmark = pytest.mark.django_db
URL = "outbox:messages"


def message(resident, text, key, **state):
    row = enqueue(
        key=key, template="payments_refunded", resident_id=resident.pk, params={"amount": text, "number": "1"}
    )
    Message.objects.filter(pk=row.pk).update(**state)
    return row


def test_the_list_shows_the_own_familys_messages_and_nobody_elses(cast, client):
    """F5: mine, my wife's and my child's; not the stranger's; date, text and telephone with it."""
    message(cast.zhang, "甲甲", "a")
    message(cast.li, "乙乙", "b")
    message(cast.wang, "丙丙", "c")
    sign_in(client, cast.zhang)
    answer = client.get(reverse(URL))
    page = answer.content.decode()
    assert "甲甲" in page
    assert "乙乙" in page
    assert "丙丙" not in page
    assert cast.zhang.masked_phone in page
    assert cast.zhang.phone not in page
    assert answer["Cache-Control"] == "no-store"


def test_each_message_says_whether_it_arrived(cast, client):
    """F4: waiting, sent, delivered, undelivered, given up; one-time codes are not listed."""
    sent = {"state": MessageState.SENT, "next_try_at": None}
    message(cast.zhang, "甲", "a", **sent, delivery=Delivery.DELIVERED)
    message(cast.zhang, "乙", "b", **sent, delivery=Delivery.UNDELIVERED)
    message(cast.zhang, "丙", "c", state=MessageState.FAILED, next_try_at=None)
    enqueue(key="code", template="one_time_code", resident_id=cast.zhang.pk, params={"code": "123456"}, urgent=True)
    sign_in(client, cast.zhang)
    page = client.get(reverse(URL)).content.decode()
    for words in (Delivery.DELIVERED.label, Delivery.UNDELIVERED.label, MessageState.FAILED.label):
        assert str(words) in page
    assert "123456" not in page


def test_the_list_is_read_page_by_page_in_a_fixed_number_of_queries(cast, client):
    """J9: forty-five messages, three pages, as many queries as for one."""
    sign_in(client, cast.zhang)
    message(cast.zhang, "一", "first")
    client.get(reverse(URL))
    with CaptureQueriesContext(connection) as few:
        client.get(reverse(URL))
    old = timezone.now() - datetime.timedelta(days=1)
    for number in range(44):
        message(cast.zhang, str(number), f"m{number}", created_at=old)
    with CaptureQueriesContext(connection) as many:
        page = client.get(reverse(URL)).content.decode()
    assert len(many) == len(few)
    assert "?page=2" in page
    assert "?page=3" in client.get(reverse(URL), {"page": 2}).content.decode()


def test_who_has_no_messages_is_told_where_to_begin(cast, client):
    """UX-R22: no blank list."""
    sign_in(client, cast.wang)
    page = client.get(reverse(URL)).content.decode()
    assert reverse("enrollment:mine") in page
