"""The resident's pages, walked as a browser without scripts would."""

from datetime import timedelta

import pytest
from django.urls import reverse

from enrollment.models import Application, Cover
from enrollment.states import State
from tests.enrollment import journeys
from tests.people_cast import sign_in

pytestmark = pytest.mark.django_db


def post(client, url, **data):
    return client.post(url, data, follow=True)


def test_a_visitor_checks_and_reads_what_is_needed_without_signing_in(client, monday):
    """S0-03, S0-04, S1-22, A1, A3."""
    assert client.get(reverse("enrollment:check")).status_code == 302
    page = client.get(reverse("enrollment:check"), {"region": "450302001"})
    assert page.status_code == 200
    told = {"birth_on_year": "1980", "birth_on_month": "5", "birth_on_day": "1", "status": "none"}
    told |= {"other_cover": "employee", "in_area": "no"}
    answer = client.post(reverse("enrollment:check"), told)
    assert answer.status_code == 200
    assert answer.content.decode().count("govuk-tag--red") == 3
    needed = client.get(reverse("enrollment:materials"), {"status": "local_hukou", "group": "adult"})
    text = needed.content.decode()
    assert "居民身份证" in text
    assert "居民户口簿" in text
    assert "¥400.00" in text
    assert not Application.objects.exists()


def test_a_resident_fills_the_form_page_by_page_and_submits(client, monday, cast):
    """S0-02, S0-05, S0-06, S0-07, A4, F3, F5, UX-R3, UX-R4, UX-R5, UX-R6, UX-R12."""
    sign_in(client, cast.zhang)
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    tasks = post(client, reverse("enrollment:start"), who="self")
    application = Application.objects.get()
    assert tasks.redirect_chain[-1][0] == reverse("enrollment:tasks", args=[application.pk])

    def save(code, **data):
        return post(client, reverse("enrollment:section", args=[application.pk, code]), **data)

    page = save("person", birth_on_year="1990", birth_on_month="3", birth_on_day="7", sex="M", has_id_card="yes")
    assert page.redirect_chain[-1][0].endswith("/form/contact/")
    save("contact", phone="199 0000 0001", address="甲山村８号", in_area="yes")
    save("cover", status="local_hukou", other_cover="none", missed_years="0")
    save("assistance", assistance="none")
    office = client.get(reverse("enrollment:section", args=[application.pk, "office"])).context["form"]
    chosen = office.fields["office"].queryset.get(kind="service_point")
    page = save("office", office=chosen.pk)
    check_url = reverse("enrollment:check_answers", args=[application.pk])
    assert page.redirect_chain[-1][0] == check_url
    assert "甲山村8号" in page.content.decode()
    assert "199****0001" in page.content.decode()

    application.refresh_from_db()
    sent = {"token": application.submit_token, "version": application.version}
    refused = client.post(check_url, sent)
    assert refused.status_code == 200
    assert refused.context["form"].errors
    receipt = post(client, check_url, truthful="on", **sent)
    application.refresh_from_db()
    assert application.state == State.SUBMITTED
    assert application.grouped_number in receipt.content.decode()
    for _again in range(5):
        replay = post(client, check_url, truthful="on", **sent)
        assert replay.redirect_chain[-1][0] == reverse("enrollment:receipt", args=[application.pk])
    assert Application.objects.count() == 1

    progress = client.get(reverse("enrollment:application", args=[application.pk]))
    assert progress.status_code == 200
    assert "秀峰" in progress.content.decode()
    assert client.get(reverse("enrollment:mine")).status_code == 200


def test_the_receipt_is_served_in_three_forms_while_the_worker_is_stopped(client, monday, cast):
    """F3: nothing but the row is needed."""
    application = journeys.submitted(cast.zhang)
    sign_in(client, cast.zhang)
    for fmt, kind in {"html": "text/html", "pdf": "application/pdf", "docx": "officedocument"}.items():
        answer = client.get(reverse("enrollment:receipt_paper", args=[application.pk, fmt]))
        assert answer.status_code == 200
        assert kind in answer["Content-Type"]
    assert client.get(reverse("enrollment:receipt_paper", args=[application.pk, "exe"])).status_code == 404


def test_a_clerk_reviews_and_the_resident_is_insured(client, monday, cast):
    """S1-02, B6, B8, F1: the desk and the progress page from review to cover."""
    application = journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk)
    queue = client.get(reverse("enrollment:queue"))
    assert application.grouped_number in queue.content.decode()
    assert "剩" in queue.content.decode()
    review_url = reverse("enrollment:review", args=[application.pk])
    page = client.get(review_url)
    assert page.status_code == 200
    version = page.context["application"].version

    refused = client.post(reverse("enrollment:approve", args=[application.pk]), {"version": version})
    assert refused.status_code == 409
    ticks = {f"material-{material.code}": "accepted" for material in application.materials.all()}
    done = client.post(
        reverse("enrollment:judge", args=[application.pk]), ticks | {"version": version, "then": "approve"}, follow=True
    )
    assert done.status_code == 200
    application.refresh_from_db()
    assert application.state == State.APPROVED
    monday.shift(timedelta(seconds=11))  # the decision can be taken back for ten seconds
    journeys.sweep()
    application.refresh_from_db()
    assert application.state == State.AWAITING_PAYMENT
    journeys.pay(application)
    sign_in(client, cast.zhang)
    progress = client.get(reverse("enrollment:application", args=[application.pk])).content.decode()
    assert "2027年1月1日" in progress
    assert Cover.objects.get().status_on(application.submitted_on) == "waiting"


def test_a_correction_opens_the_flagged_items_and_nothing_else(client, monday, cast):
    """B5, N20, UX-R16: the clock pauses, only what was asked changes, before and after are shown."""
    application = journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk)
    url = reverse("enrollment:ask_correction", args=[application.pk])
    page = client.get(url)
    assert page.status_code == 200
    asked = {"version": application.version, "ask-field-contact.address": "on"}
    missing = client.post(url, asked)
    assert missing.status_code == 200
    assert missing.context["form"].errors
    done = client.post(url, asked | {"reason-field-contact.address": "门牌号与户口簿不一致"}, follow=True)
    application.refresh_from_db()
    assert application.state == State.CORRECTION_REQUIRED
    assert "门牌号与户口簿不一致" in done.content.decode()

    sign_in(client, cast.zhang)
    url = reverse("enrollment:correct", args=[application.pk])
    page = client.get(url)
    assert "门牌号与户口簿不一致" in page.content.decode()
    assert list(page.context["form"].fields) == ["contact.address"]
    forged = {"contact.address": "甲山村9号", "contact.phone": "19999999999", "version": application.version}
    client.post(url, forged)
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    assert application.answers["contact"]["address"] == "甲山村9号"
    assert application.answers["contact"]["phone"] == "19900000001"
    sign_in(client, cast.clerk)
    text = client.get(reverse("enrollment:review", args=[application.pk])).content.decode()
    assert "甲山村8号" in text
    assert "甲山村9号" in text


def test_a_rejection_shows_reason_next_step_and_right_of_appeal(client, monday, cast):
    """B6, DOMAIN §0.8."""
    application = journeys.under_review(cast.zhang)
    sign_in(client, cast.clerk)
    url = reverse("enrollment:reject", args=[application.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"version": application.version}).context["form"].errors
    told = {
        "reason_code": "other_cover",
        "reason": "已参加职工医保。",
        "next_step_code": "end_other_cover",
        "next_step": "",
    }
    client.post(url, told | {"version": application.version})
    application.refresh_from_db()
    assert application.state == State.REJECTED
    sign_in(client, cast.zhang)
    page = client.get(reverse("enrollment:application", args=[application.pk])).content.decode()
    assert "已参加职工医保。" in page
    assert "60" in page
    assert "行政复议" in page


def test_a_second_application_of_the_family_is_led_to_the_first(client, monday, cast):
    """A9: a parent who begins anew for the child finds the other parent's application; a stranger learns nothing."""
    first = journeys.under_review(cast.zhang, beneficiary=cast.child, answers={"person": {"relation": "parent"}})
    second = journeys.under_review(cast.li)
    sign_in(client, cast.zhang)
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    page = client.post(reverse("enrollment:start"), {"who": str(cast.child.pk)})
    assert page.status_code == 409
    assert first.grouped_number in page.content.decode()
    page = client.post(reverse("enrollment:start"), {"who": str(cast.li.pk)})
    assert second.grouped_number in page.content.decode()
    assert Application.objects.count() == 2


def test_a_resident_withdraws_after_being_asked_once_more(client, monday, cast):
    """UX-R17."""
    application = journeys.approved(cast.zhang, cast.clerk)
    sign_in(client, cast.zhang)
    url = reverse("enrollment:withdraw", args=[application.pk])
    assert client.get(url).status_code == 200
    client.post(url, {"version": application.version, "reason": ""})
    application.refresh_from_db()
    assert application.state == State.WITHDRAWN
    application.notice.refresh_from_db()
    assert application.notice.state == "cancelled"
