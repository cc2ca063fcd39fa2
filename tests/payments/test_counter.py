"""The bank counter of the demo."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from payments import numbers
from payments.models import Payment, Reason
from payments.services import cancel_notices, supersede_notice
from payments.states import State
from portal.people.actors import SYSTEM
from tests.payments.notices import draft, issue, pay
from tests.people_cast import ResidentFactory

pytestmark = pytest.mark.django_db

ADDRESS = "/demo/bank/"


@pytest.fixture(autouse=True)
def demo(settings) -> None:
    settings.DEMO = True


def fresh(**fields):
    """A notice issued now."""
    return issue(at=timezone.now(), **fields)


def take(client: Client, notice, **fields):
    """Posts what the teller typed, and follows to the proof."""
    typed = {"channel": notice.channels[0].code, "means": "cash", "amount": "400.00", "transaction": uuid4().hex}
    number = fields.pop("number", notice.number)
    return client.post(f"{ADDRESS}?number={number}", typed | fields, follow=True)


def test_teller_sees_what_is_owed_and_a_masked_payer(client):
    """S1-09, S4-19: title, masked payer, amount; the full name stays away from the counter."""
    notice = fresh(resident=ResidentFactory(name="欧阳测试"))
    page = client.get(ADDRESS, {"number": notice.grouped_number})
    for text in ("示例缴费通知单", "欧*", "¥400.00", "人民币肆佰元整", "农信社", "村委会"):
        assertContains(page, text)
    assertNotContains(page, "欧阳测试")
    assertNotContains(page, notice.resident.staff_identity_number)


def test_teller_takes_the_money_and_prints_a_proof(client):
    """S1-08, S4-20: the notice is paid with the channel chosen."""
    notice = fresh()
    page = take(client, notice, channel="committee", means="card", amount="￥400")
    assertContains(page, "缴费成功")
    notice.refresh_from_db()
    payment = Payment.objects.get(notice=notice)
    assert (notice.state, payment.channel, payment.provider) == (State.PAID, "committee", "demo-counter-card")


def test_second_click_shows_the_first_proof(client):
    """UX-E15: one form, one payment."""
    notice = fresh()
    transaction = uuid4().hex
    first, second = (take(client, notice, transaction=transaction) for _click in range(2))
    assertContains(second, "缴费成功")
    assert first.redirect_chain[-1][0].split(":")[0] == second.redirect_chain[-1][0].split(":")[0]
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("amount", ["399.99", "400.01", "0", "-400", "4e2", "四百", "", "400.001", "１"])
def test_wrong_amount_is_refused_with_the_right_one(client, amount):
    """E6, REL-B2: the teller reads what the notice asks for, and nothing is booked."""
    notice = fresh()
    page = take(client, notice, amount=amount)
    assert page.status_code == 200
    assertContains(page, "govuk-error-summary")
    assert not Payment.objects.exists()


def test_wrong_amount_taken_already_is_booked_as_an_exception(client):
    """E6: money that cannot be handed back is never lost."""
    notice = fresh()
    page = take(client, notice, amount="399", already_taken="on")
    assertContains(page, "金额与通知不符")
    payment = Payment.objects.get()
    assert (payment.exception.reason, payment.amount_fen) == (Reason.WRONG_AMOUNT, 39_900)


@pytest.mark.parametrize("typed", ["abc", "123", "", "６１２６", "9" * 200, "6" * 16])
def test_mistyped_number_is_explained(client, typed):
    """N7, REL-F1: never a crash, always what to do."""
    page = client.get(ADDRESS, {"number": typed})
    assert page.status_code == 200
    assertContains(page, "govuk-error-summary")


def test_unknown_number_is_said_to_be_unknown(client):
    """E6: right check digits, no notice."""
    page = client.get(ADDRESS, {"number": numbers.notice_number("premium", 2026, 987_654_321)})
    assertContains(page, "没有找到这个编号的通知")


def test_teller_takes_no_money_for_a_paid_notice(client):
    """REL-R4: the counter stops before the money changes hands; a page opened before is stopped too."""
    notice = fresh()
    pay(notice, paid_on=timezone.localdate())
    assertContains(client.get(ADDRESS, {"number": notice.number}), "该通知已缴费")
    assertContains(take(client, notice), "该通知已缴费")
    assert Payment.objects.count() == 1


def test_teller_takes_no_money_after_the_pay_by_date(client):
    """E6: overdue and expired notices are refused in words."""
    notice = issue(at=timezone.now() - timedelta(days=30))
    assertContains(client.get(ADDRESS, {"number": notice.number}), "缴费截止日已过")


def test_teller_takes_no_money_for_a_cancelled_notice(client):
    """REL-I3: cancelled is said, nothing can be posted."""
    notice = fresh()
    cancel_notices(purpose=notice.purpose, references=[notice.reference], actor=SYSTEM, reason="withdrawn")
    assertContains(take(client, notice), "该通知已作废")
    assert not Payment.objects.exists()


def test_old_number_leads_to_the_new_notice(client):
    """N10: the teller learns of the replacement and the money lands on the new notice."""
    wanted = draft()
    old = issue(at=timezone.now(), **vars(wanted))
    new = supersede_notice(old, wanted, actor=SYSTEM)
    assertContains(client.get(ADDRESS, {"number": old.number}), new.grouped_number)
    take(client, old)
    new.refresh_from_db()
    assert new.state == State.PAID
    assert Payment.objects.get().given_number == old.number


def test_counter_takes_only_channels_of_the_notice(client):
    """E3, S4-19: exactly the three banks of the card fee."""
    notice = fresh(kind="nontax")
    page = client.get(ADDRESS, {"number": notice.number})
    for bank in ("工商银行", "农业银行", "建设银行"):
        assertContains(page, bank)
    refused = take(client, notice, channel="coop", amount="20")
    assertContains(refused, "govuk-error-summary")
    assertContains(take(client, notice, channel="ABC", amount="20"), "缴费成功")


def test_proof_cannot_be_guessed(client):
    """N4: the address of a proof is signed."""
    payment = pay(fresh())
    for token in (str(payment.pk), "x", "a:b:c"):
        assert client.get(reverse("payments:counter_proof", args=[token])).status_code == 404


def test_counter_exists_in_the_demo_only(client, settings):
    """Outside the demo there is no counter."""
    payment = fresh()
    settings.DEMO = False
    assert client.get(ADDRESS, {"number": payment.number}).status_code == 404
    assert client.post(f"{ADDRESS}?number={payment.number}").status_code == 404


def test_counter_is_limited(client):
    """REL-S3: numbers cannot be tried out without end."""
    answers = [client.get(ADDRESS).status_code for _look in range(40)]
    assert answers[0] == 200
    assert answers[-1] == 429


def test_posting_needs_the_token_of_the_form():
    """RELIABILITY §4.1: the open counter is still protected against forged posts."""
    notice = fresh()
    assert take(Client(enforce_csrf_checks=True), notice).status_code == 403
    assert not Payment.objects.exists()
