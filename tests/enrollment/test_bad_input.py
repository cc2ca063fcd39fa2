"""Hostile input into every form of the enrolment: an answer for people, never a 500."""

import uuid

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrollment.models import Application
from enrollment.states import State
from tests.enrollment import journeys
from tests.people_cast import sign_in

pytestmark = pytest.mark.django_db

HOSTILE = {
    "empty": "",
    "nul": "张\x00三",
    "long": "长" * 20_000,
    "full_width": "１２３ＡＢＣ",
    "emoji": "👩‍👩‍👧‍👦🀄️",
    "html": "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>",
    "template": "{{ settings.SECRET_KEY }}{% debug %}%(x)s%s",
    "bidi": "abc\u202edef\u2066",
    "rare": "𠮷㛃䶮",
    "superscript": "²",
    "huge_number": "9" * 40,
    "negative": "-1",
    "other_id": str(uuid.uuid4()),
}
FINE = (200, 302, 400, 404, 409)


def everywhere(cast):
    """Every form of the enrolment: who posts it, where, and the names of its fields."""
    draft = journeys.draft(cast.zhang, beneficiary=cast.child)
    case = journeys.under_review(cast.li)
    journeys.ask(case, cast.clerk)
    review = journeys.under_review(cast.zhang)
    section = {
        "person": ["birth_on_year", "birth_on_month", "birth_on_day", "birth_on_0", "sex", "has_id_card", "relation"],
        "contact": ["phone", "address", "in_area"],
        "cover": ["status", "other_cover", "missed_years"],
        "assistance": ["assistance"],
        "office": ["office"],
    }
    forms = [
        (cast.zhang, reverse("enrollment:section", args=[draft.pk, code]), fields) for code, fields in section.items()
    ]
    forms += [
        (
            None,
            reverse("enrollment:check"),
            ["birth_on_year", "birth_on_month", "birth_on_day", "status", "other_cover", "in_area"],
        ),
        (cast.zhang, reverse("enrollment:start"), ["who", "cover_year"]),
        (cast.zhang, reverse("enrollment:check_answers", args=[draft.pk]), ["truthful", "token", "version"]),
        (cast.li, reverse("enrollment:correct", args=[case.pk]), ["contact.address", "version"]),
        (cast.li, reverse("enrollment:withdraw", args=[case.pk]), ["reason", "version"]),
        (cast.clerk, reverse("enrollment:judge", args=[review.pk]), ["material-ID_CARD", "version", "then"]),
        (cast.clerk, reverse("enrollment:approve", args=[review.pk]), ["version"]),
        (
            cast.clerk,
            reverse("enrollment:reject", args=[review.pk]),
            ["reason_code", "reason", "next_step_code", "next_step", "version"],
        ),
        (
            cast.clerk,
            reverse("enrollment:ask_correction", args=[review.pk]),
            ["ask-field-contact.address", "reason-field-contact.address", "version"],
        ),
        (cast.clerk, reverse("enrollment:note", args=[review.pk]), ["text"]),
    ]
    return forms


@pytest.mark.parametrize("kind", list(HOSTILE))
def test_hostile_text_in_every_field_is_answered(kind, monday, cast, client):
    """REL-F1, REL-F2: no 500, and what is echoed is escaped."""
    value = HOSTILE[kind]
    for who, url, fields in everywhere(cast):
        client.logout()
        if who is not None:
            sign_in(client, who)
        client.get(reverse("enrollment:check"), {"region": "450302001"})
        sent = {name: [value, value] for name in fields} | {"unknown": value}
        answer = client.post(url, sent)
        assert answer.status_code in FINE, (url, answer.status_code)
        assert b"<script>alert(1)" not in answer.content


def test_hostile_addresses_are_answered(monday, cast, client):
    """REL-F2, REL-H1: query strings and identifiers of others."""
    sign_in(client, cast.clerk)
    for value in HOSTILE.values():
        names = ("tab", "late", "number", "after", "region", "status", "group", "back")
        for page in ("enrollment:queue", "enrollment:materials", "enrollment:check"):
            assert client.get(reverse(page), dict.fromkeys(names, value)).status_code in FINE
    sign_in(client, cast.zhang)
    for name in ("application", "tasks", "receipt", "correct", "withdraw", "check_answers"):
        assert client.get(reverse(f"enrollment:{name}", args=[uuid.uuid4()])).status_code == 404


def test_identifiers_of_others_in_hidden_fields_change_nothing(monday, cast, client):
    """REL-M3: another person's family member, another region's office, another application's token."""
    own = journeys.draft(cast.zhang)
    other = journeys.draft(cast.wang)
    sign_in(client, cast.zhang)
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    before = Application.objects.count()
    page = client.post(reverse("enrollment:start"), {"who": str(cast.wang.pk)})
    assert page.status_code == 200
    assert page.context["form"].errors
    assert Application.objects.count() == before
    far_away = other.office_id + 1000
    page = client.post(reverse("enrollment:section", args=[own.pk, "office"]), {"office": far_away})
    assert page.context["form"].errors
    sent = {"truthful": "on", "token": other.submit_token, "version": own.version}
    assert client.post(reverse("enrollment:check_answers", args=[own.pk]), sent).status_code == 409
    own.refresh_from_db()
    assert own.state == State.DRAFT


def test_the_same_key_with_other_content_stores_nothing(monday, cast, client):
    """REL-I6: the check page of an older version of the answers cannot submit the newer ones."""
    application = journeys.draft(cast.zhang)
    old = {"truthful": "on", "token": application.submit_token, "version": application.version}
    sign_in(client, cast.zhang)
    told = {"phone": "19900000001", "address": "甲山村99号", "in_area": "yes"}
    client.post(reverse("enrollment:section", args=[application.pk, "contact"]), told)
    assert client.post(reverse("enrollment:check_answers", args=[application.pk]), old).status_code == 409
    application.refresh_from_db()
    assert application.state == State.DRAFT


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=300))
def test_any_text_as_address_is_stored_or_refused(text, monday, cast, client):
    """REL-F1, REL-F4."""
    if not Application.objects.exists():
        journeys.draft(cast.zhang)
        sign_in(client, cast.zhang)
    application = Application.objects.get()
    told = {"phone": "19900000001", "address": text.encode("utf-8", "replace").decode(), "in_area": "yes"}
    answer = client.post(reverse("enrollment:section", args=[application.pk, "contact"]), told)
    assert answer.status_code in (200, 302)
