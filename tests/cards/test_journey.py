"""The straight path through the pages: from the public page to the active card."""

import re
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from cards.models import Card, CardApplication, HandOver, ProductionBatch
from cards.states import CardState, State
from portal.outbox.models import Message
from tests.cards import journeys
from tests.people_cast import sign_in

pytestmark = pytest.mark.django_db


def to(client, name, *args, **data):
    return client.post(reverse(f"cards:{name}", args=args), data)


def see(client, name, *args):
    answer = client.get(reverse(f"cards:{name}", args=args))
    assert answer.status_code == 200, (name, answer.status_code)
    return answer.content.decode()


def begin(client, resident):
    """Goes through the self-service window and step 1 up to the check page."""
    client.get(f"{reverse('cards:about')}?region={journeys.TOWN}")
    window = to(client, "entry", business_type="card", business_object="person", related="first_card", action="apply")
    assert window.url == f"{reverse('cards:start')}?region={journeys.TOWN}"
    assert client.get(window.url).url.startswith(reverse("people:sign_in"))
    sign_in(client, resident)
    assert client.post(window.url, {"who": "self"}).status_code == 302
    return CardApplication.objects.get(applicant=resident)


def test_a_resident_of_zhongshan_gets_an_active_card(monday, client):
    """S4-05 to S4-24, S2-01, S2-08, D10, D12, F1: every page from the public one to the active card."""
    resident = journeys.resident()
    clerk = journeys.card_clerk()
    application = begin(client, resident)
    about = see(client, "about")
    assert "¥20.00" in about
    assert "20个工作日" in about

    step_1 = see(client, "personal", application.pk)
    assert "receipt_number" not in step_1
    told = journeys.ANSWERS | {"pickup_point": journeys.point().pk}
    assert to(client, "personal", application.pk, **told).url == reverse("cards:check", args=[application.pk])
    assert client.get(reverse("cards:form", args=[application.pk])).url == reverse(
        "cards:personal", args=[application.pk]
    )
    application.refresh_from_db()
    see(client, "check", application.pk)
    sent = to(
        client,
        "check",
        application.pk,
        truthful="on",
        token=application.submit_token,
        version=application.version,
    )
    assert sent.url == reverse("cards:form", args=[application.pk])
    application.refresh_from_db()
    assert application.state == State.AWAITING_PAYMENT

    see(client, "form", application.pk)
    see(client, "form_paper", application.pk, "html")
    step_3 = see(client, "pay", application.pk)
    assert "贰拾元" in step_3
    see(client, "personal", application.pk)
    journeys.pay(application)
    assert application.state == State.UNDER_REVIEW
    assert application.promised_on == date(2026, 12, 21)
    assert "2026年12月21日" in see(client, "application", application.pk)

    sign_in(client, clerk)
    assert application.grouped_number in see(client, "queue")
    see(client, "review", application.pk)
    assert to(client, "approve", application.pk, version=application.version).status_code == 302
    see(client, "production")
    made = to(client, "make_batch")
    batch = ProductionBatch.objects.get()
    assert made.url == reverse("cards:batch", args=[batch.pk])
    assert application.grouped_number in see(client, "batch", batch.pk)
    file = client.get(reverse("cards:batch_file", args=[batch.pk]))
    assert application.number in file.content.decode("utf-8-sig")
    see(client, "report")
    assert "已到卡：1" in to(client, "report", arrived=application.grouped_number).content.decode()
    application.refresh_from_db()
    assert application.state == State.READY_FOR_PICKUP
    ready = Message.objects.get(template="cards_ready")
    assert application.pickup_point.name in ready.body

    pickup_clerk = journeys.pickup_clerk()
    sign_in(client, pickup_clerk)
    found = client.get(reverse("cards:pickup"), {"number": application.number[-6:]}).content.decode()
    assert application.grouped_number in found
    see(client, "hand_over", application.pk)
    handed = to(client, "hand_over", application.pk, version=application.version, document="id_card", form_seen="on")
    assert handed.status_code == 200
    code = re.search(r'<strong class="portal-number">(\d{6})</strong>', handed.content.decode()).group(1)
    card = Card.objects.get(holder=resident)
    assert card.state == CardState.INACTIVE
    assert HandOver.objects.get(application=application).handed_by == pickup_clerk
    see(client, "desk_card", card.pk)

    sign_in(client, resident)
    assert "社会保障卡" in see(client, "card", card.pk)
    see(client, "activate", card.pk)
    done = to(client, "activate", card.pk, last_digits=card.number[-4:], code=code)
    assert done.url == reverse("cards:card", args=[card.pk])
    card.refresh_from_db()
    assert card.state == CardState.ACTIVE
    see(client, "mine")
    see(client, "application", application.pk)


def test_a_refused_photo_is_corrected_and_the_pause_moves_the_promise(monday, client):
    """S4-21, D9, N2, N20: another photo is asked for, the promise stands still, and the later day is shown."""
    resident = journeys.resident()
    clerk = journeys.card_clerk()
    application = journeys.under_review(resident)
    first_promise = application.promised_on
    monday.move_to("2026-11-26T02:00:00+00:00")
    sign_in(client, clerk)
    see(client, "ask_correction", application.pk)
    asked = to(
        client,
        "ask_correction",
        application.pk,
        version=application.version,
        fields_asked="photo",
        reason="照片背景不是白色，请重新上传。",
    )
    assert asked.status_code == 302
    application.refresh_from_db()
    assert application.state == State.CORRECTION_REQUIRED

    sign_in(client, resident)
    page = see(client, "application", application.pk)
    assert "照片背景不是白色" in page
    assert "2026年12月21日" not in page  # while the promise stands still no day is promised
    see(client, "correct", application.pk)
    monday.move_to("2026-12-03T02:00:00+00:00")
    sign_in(client, resident)
    photo = SimpleUploadedFile("me.jpg", journeys.picture(), "image/jpeg")
    sent = client.post(
        reverse("cards:correct", args=[application.pk]), {"version": application.version, "photo": photo}
    )
    assert sent.status_code == 302
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    # Two working days were used before the day of the question; eighteen run from 3 December.
    assert application.promised_on == date(2026, 12, 29)
    assert application.promised_on > first_promise
    sign_in(client, clerk)
    assert client.get(reverse("cards:photo", args=[application.pk]))["Content-Type"] == "image/jpeg"


def test_where_the_card_is_free_the_review_begins_at_once(monday, client):
    """S4-22 by region: Guilin's first card costs nothing; step 3 says so, and no notice is made."""
    resident = journeys.resident(name="韦𠮷")
    application = journeys.submitted(resident, town="450302001")
    assert application.state == State.UNDER_REVIEW
    assert application.notice is None
    assert application.promised_on == date(2026, 12, 7)
    sign_in(client, resident)
    assert "无需缴费" in see(client, "pay", application.pk)
    see(client, "application", application.pk)
