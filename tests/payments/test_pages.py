"""The pages of notices: the resident's, the paper addresses, the cashier's desk."""

from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from payments.services import propose_refund
from payments.states import State
from portal.audit.models import AuditEntry
from tests.payments.notices import draft, issue, pay
from tests.people_cast import actor, office, sign_in

pytestmark = pytest.mark.django_db

MEDIA_TYPES = {
    "print": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def fresh(**fields):
    """A notice issued now, so that it is not overdue."""
    return issue(at=timezone.now(), **fields)


def test_resident_reads_amount_date_and_where_to_pay(client, cast):
    """UX-R23, S1-08, S1-09: large amount and capitals, who collects, pay by, every channel with its address."""
    bank = office("bank", "450302", bank_code="RCC")
    notice = fresh(resident=cast.zhang)
    sign_in(client, cast.zhang)
    page = client.get(notice.get_absolute_url())
    for text in ("¥400.00", "人民币肆佰元整", "税务机关", "农信社", bank.address, "在线支付", "请勿重复缴费"):
        assertContains(page, text)
    assertContains(page, notice.grouped_number)
    assert page["Cache-Control"].count("no-store") == 1


def test_page_says_what_became_of_the_notice(client, cast):
    """E11: the paid page asks for nothing more."""
    notice = fresh(resident=cast.zhang)
    pay(notice, paid_on=timezone.localdate())
    sign_in(client, cast.zhang)
    page = client.get(notice.get_absolute_url())
    assertContains(page, "请勿重复缴费")
    assertNotContains(page, "缴费地点")


def test_page_of_an_overdue_notice_says_not_to_pay(client, cast):
    """B9: between the pay-by date and the end of clearing the page says so in words."""
    notice = issue(resident=cast.zhang, at=timezone.now() - timezone.timedelta(days=30))
    sign_in(client, cast.zhang)
    assertContains(client.get(notice.get_absolute_url()), "请不要再缴费")


def test_resident_lists_the_notices_of_the_family(client, cast):
    """UX-R23: what is to be paid first, what was paid below."""
    assert cast.guardian
    notices = [fresh(resident=cast.zhang), fresh(resident=cast.child), fresh(resident=cast.wang)]
    pay(notices[1], paid_on=timezone.localdate())
    sign_in(client, cast.zhang)
    page = client.get(reverse("payments:notices"))
    assertContains(page, notices[0].grouped_number)
    assertContains(page, notices[1].grouped_number)
    assertNotContains(page, notices[2].grouped_number)


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_paper_is_served_to_who_may_see_it_and_recorded(client, cast, form):
    """S1-07, S4-16, S4-17, N5: web print, PDF and Word; every view is on the audit log."""
    notice = fresh(resident=cast.zhang)
    address = reverse("payments:paper", args=[notice.pk, form])
    sign_in(client, cast.wang)
    assert client.get(address).status_code == 404
    sign_in(client, cast.zhang)
    answer = client.get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, MEDIA_TYPES[form])
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get(action="notice.paper")
    assert (entry.subject_id, entry.details) == (str(notice.pk), {"form": form})


@pytest.mark.parametrize("path", ["xlsx", "pdf2"])
def test_unknown_form_is_not_found(client, cast, path):
    """REL-M1: only the three forms exist."""
    notice = fresh(resident=cast.zhang)
    sign_in(client, cast.zhang)
    assert client.get(reverse("payments:paper", args=[notice.pk, path])).status_code == 404


def test_somebody_elses_notice_is_like_none(client, cast):
    """REL-M2: a foreign notice answers like one that does not exist."""
    notice = fresh(resident=cast.zhang)
    sign_in(client, cast.wang)
    foreign = client.get(notice.get_absolute_url())
    missing = client.get(reverse("payments:notice", args=[uuid4()]))
    assert (foreign.status_code, missing.status_code) == (404, 404)


def test_visitor_is_led_to_sign_in(client, cast):
    """REL-M1: signed out, a notice leads to the residents' sign-in, the desk to the one of staff."""
    notice = fresh(resident=cast.zhang)
    assert reverse("people:sign_in") in client.get(notice.get_absolute_url()).url
    assert reverse("people:staff_sign_in") in client.get(reverse("payments:desk")).url


def test_views_by_staff_are_recorded(client, cast):
    """RELIABILITY §4.5: who saw the notice of a resident."""
    notice = fresh(resident=cast.zhang)
    sign_in(client, cast.cashier)
    client.get(notice.get_absolute_url())
    client.get(reverse("payments:desk_notice", args=[notice.pk]))
    assert AuditEntry.objects.filter(action="notice.viewed", actor_user_id=cast.cashier.pk).count() == 2


def test_cashier_finds_a_notice_by_number_or_pay_code(client, cast):
    """RELIABILITY §3: the cashier reaches people by notice number only, within the region."""
    notice = fresh(resident=cast.zhang)
    sign_in(client, cast.cashier)
    desk = reverse("payments:desk")
    for typed in (notice.grouped_number, notice.pay_code):
        answer = client.get(desk, {"number": typed})
        assert answer.url == reverse("payments:desk_notice", args=[notice.pk])
    assertContains(client.get(desk, {"number": notice.number[:-1] + "x"}), "只输入数字")
    mistyped = notice.number[:-1] + str((int(notice.number[-1]) + 1) % 10)
    assertContains(client.get(desk, {"number": mistyped}), "校验位不符")


def test_desk_lists_money_that_waits_with_its_reason(client, cast):
    """N6, E6: reasons in words; queries do not grow with the rows."""
    notice = fresh(resident=cast.zhang)
    for amount in (1, 2, 3):
        pay(notice, amount_fen=amount)
    pay(notice, paid_on=timezone.localdate())
    pay(notice)
    sign_in(client, cast.cashier)
    page = client.get(reverse("payments:desk"))
    assertContains(page, "金额与通知不符", 3)
    assertContains(page, "该通知已缴过费", 1)


def test_refund_is_proposed_and_confirmed_on_the_desk(client, cast):
    """E10: two cashiers; the first finds no button to confirm and is refused when posting by hand."""
    notice = fresh(resident=cast.zhang)
    pay(notice, paid_on=timezone.localdate())
    page = reverse("payments:desk_notice", args=[notice.pk])
    confirm = reverse("payments:confirm_refund", args=[notice.pk])
    sign_in(client, cast.cashier)
    client.post(reverse("payments:propose_refund", args=[notice.pk]), {"reason": "paid_twice", "version": 2})
    notice.refresh_from_db()
    assert notice.state == State.REFUNDING
    assertNotContains(client.get(page), confirm)
    assert client.post(confirm, {"version": notice.version}).status_code == 403
    sign_in(client, cast.second_cashier)
    assertContains(client.get(page), confirm)
    assert client.post(confirm, {"version": 1}).status_code == 409
    assert client.post(confirm).status_code == 409
    assert client.post(confirm, {"version": "9" * 5000}).status_code == 409
    client.post(confirm, {"version": notice.version})
    notice.refresh_from_db()
    assert notice.state == State.REFUNDED


def test_refund_without_a_reason_is_not_proposed(client, cast):
    """E10: a reason from the list."""
    notice = fresh(resident=cast.zhang)
    pay(notice, paid_on=timezone.localdate())
    sign_in(client, cast.cashier)
    for reason in ("", "because"):
        client.post(reverse("payments:propose_refund", args=[notice.pk]), {"reason": reason, "version": 2})
    notice.refresh_from_db()
    assert notice.state == State.PAID


@pytest.mark.parametrize("name", ["propose_refund", "confirm_refund"])
def test_auditor_reads_and_changes_nothing(client, cast, name):
    """RELIABILITY §3: the auditor sees the desk and cannot post."""
    notice = fresh(resident=cast.zhang)
    pay(notice, paid_on=timezone.localdate())
    propose_refund(notice, reason="rejected", actor=actor(cast.cashier))
    sign_in(client, cast.auditor)
    assert client.get(reverse("payments:desk_notice", args=[notice.pk])).status_code == 200
    assert client.post(reverse(f"payments:{name}", args=[notice.pk]), {"version": 3}).status_code == 403


def test_desk_is_for_cashiers_and_auditors(client, cast):
    """REL-M1: everybody else is refused."""
    notice = fresh(resident=cast.zhang)
    refused = [cast.zhang, cast.clerk, cast.reviewer, cast.card_clerk, cast.agent, cast.hotline, cast.admin]
    for person in refused:
        sign_in(client, person)
        assert client.get(reverse("payments:desk")).status_code == 403
        assert client.get(reverse("payments:desk_notice", args=[notice.pk])).status_code == 403


def test_pages_are_complete_in_english(client, cast):
    """UX-E14: no Chinese but names, capitals and what is data."""
    notice = fresh(**vars(draft(resident=cast.zhang)))
    sign_in(client, cast.zhang)
    client.cookies["django_language"] = "en"
    page = client.get(notice.get_absolute_url())
    assertContains(page, "Amount to pay")
    assertContains(page, "Sample Notice of Payment")
