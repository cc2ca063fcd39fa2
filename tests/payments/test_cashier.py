"""The cashier's window: found in one field, the exact amount taken once, and a day that adds up."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from payments import cashdesk
from payments.models import Payment, Reason, Receipt
from payments.services import cancel_notices
from payments.states import State
from portal.audit.models import AuditEntry
from portal.people.actors import SYSTEM, Role
from portal.people.models import Relation
from portal.people.services import form_household
from portal.regions import calendar
from portal.regions.models import OfficeKind
from portal.regions.text import both
from tests.payments.notices import RULES, issue, pay, snapshot
from tests.people_cast import ResidentFactory, actor, make_staff, sign_in

pytestmark = pytest.mark.django_db

CENTRE = {"code": "hrss_centre", "name": both("人社服务中心", "HRSS centre"), "office_kind": "hrss_centre"}


@pytest.fixture
def window(monkeypatch, cast):
    """A cashier of the town's HRSS centre, in a region whose channels include it (S1-12)."""
    monkeypatch.setitem(RULES, "channel", {**RULES["channel"], "premium": [*RULES["channel"]["premium"], CENTRE]})
    return make_staff("window", Role.CASHIER, "450302001", office_kind=OfficeKind.HRSS_CENTRE, display_name="窗口")


def fresh(**fields):
    return issue(at=timezone.now(), policy=snapshot(), **fields)


def take(client, notice, **fields):
    address = reverse("payments:cashier_notice", args=[notice.pk])
    typed = {"channel": "hrss_centre", "means": "cash", "given": "", "token": str(uuid4())}
    return client.post(address, typed | fields, follow=True)


@pytest.mark.parametrize("typed", ["number", "grouped", "pay_code", "name"])
def test_notice_is_found_in_one_field(window, client, typed):
    """Issue 5: by number, scanned code or name; one hit opens at once."""
    notice = fresh(resident=ResidentFactory(name="覃小梅"))
    words = {
        "number": notice.number,
        "grouped": notice.grouped_number,
        "pay_code": notice.pay_code,
        "name": "覃小",
    }[typed]
    sign_in(client, window)
    page = client.get(reverse("payments:cashier"), {"q": words}, follow=True)
    assert page.redirect_chain[-1][0] == reverse("payments:cashier_notice", args=[notice.pk])
    for text in ("覃小梅", "¥400.00", "人民币肆佰元整", "人社服务中心"):
        assertContains(page, text)


def test_household_is_shown_together(window, client):
    """What the family owes stands on one page; the name of one finds all of it."""
    father, child = ResidentFactory(name="莫大山"), ResidentFactory(name="莫小山", phone="")
    form_household([(father, Relation.HEAD), (child, Relation.CHILD)])
    first, second = fresh(resident=father), fresh(resident=child)
    sign_in(client, window)
    page = client.get(reverse("payments:cashier"), {"q": "莫小山"})
    assertContains(page, first.grouped_number)
    assertContains(page, second.grouped_number)
    assertContains(client.get(reverse("payments:cashier_notice", args=[first.pk])), second.grouped_number)


@pytest.mark.parametrize("words", ["123", "6" * 16, "没有这个人", "x" * 61, ""])
def test_bad_search_is_explained(window, client, words):
    """N7, REL-F1: mistyped digits, nobody of the name, far too long."""
    sign_in(client, window)
    assertContains(client.get(reverse("payments:cashier"), {"q": words}), "govuk-error-summary")


def test_cash_is_taken_with_change_and_a_receipt(window, client):
    """Issue 5: the exact amount is booked, the change is worked out, the receipt is one click away."""
    notice = fresh()
    sign_in(client, window)
    page = take(client, notice, given="500")
    assertContains(page, "¥100.00")
    payment = Payment.objects.get()
    assert (payment.amount_fen, payment.channel, payment.provider) == (40_000, "hrss_centre", "desk-cash")
    assert (payment.actor_user_id, payment.settled) == (window.pk, True)
    receipt = Receipt.objects.get(notice=notice)
    assertContains(page, reverse("payments:receipt_paper", args=[receipt.pk, "print"]))
    notice.refresh_from_db()
    assert notice.state == State.PAID
    assert AuditEntry.objects.filter(action="payment.taken").count() == 1


def test_form_posted_twice_takes_the_money_once(window, client):
    """UX-E15: double click, back and again, restored tab: the first payment is shown."""
    notice, token = fresh(), str(uuid4())
    sign_in(client, window)
    first, second = (take(client, notice, token=token) for _click in range(2))
    assert first.redirect_chain[-1][0].split("/")[4] == second.redirect_chain[-1][0].split("/")[4]
    assert Payment.objects.count() == 1
    other = fresh()
    take(client, other, token=token)
    other.refresh_from_db()
    assert (Payment.objects.count(), other.state) == (1, State.ISSUED)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"given": "399.99"}, "请收取全额"),
        ({"given": "-1"}, "govuk-error-summary"),
        ({"given": "五百"}, "govuk-error-summary"),
        ({"given": "500", "means": "card"}, "刷卡"),
        ({"channel": "online"}, "govuk-error-summary"),
        ({"channel": "coop"}, "govuk-error-summary"),
        ({"means": "cheque"}, "govuk-error-summary"),
        ({"token": "x"}, ""),
    ],
)
def test_wrong_entry_takes_nothing(window, client, fields, text):
    """E3, E6: less than asked, a card with change, a channel of somebody else."""
    notice = fresh()
    sign_in(client, window)
    page = take(client, notice, **fields)
    assertContains(page, text)
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("ending", "text"), [("paid", "已缴费"), ("cancelled", "已作废"), ("overdue", "缴费截止日已过")]
)
def test_window_takes_nothing_for_a_closed_notice(window, client, ending, text):
    """E6, REL-R4: the page says so, and a form opened before is stopped too."""
    notice = issue(at=timezone.now() - timedelta(days=30), policy=snapshot()) if ending == "overdue" else fresh()
    if ending == "paid":
        pay(notice, paid_on=timezone.localdate())
    elif ending == "cancelled":
        cancel_notices(purpose=notice.purpose, references=[notice.reference], actor=SYSTEM, reason="withdrawn")
    before = Payment.objects.count()
    sign_in(client, window)
    assertContains(client.get(reverse("payments:cashier_notice", args=[notice.pk])), text)
    assertContains(take(client, notice), text)
    assert Payment.objects.count() == before


def test_card_fee_is_not_taken_at_the_window(window, client):
    """S4-19: banks only; the window says so."""
    notice = fresh(kind="nontax")
    sign_in(client, window)
    page = client.get(reverse("payments:cashier_notice", args=[notice.pk]))
    assertContains(page, "不能在本窗口缴费")
    assertNotContains(page, 'name="token"')
    with pytest.raises(cashdesk.NotTaken) as refused:
        cashdesk.take(notice=notice, actor=actor(window), channel="ICBC", means="cash", token=uuid4())
    assert refused.value.reason in ("no_channel", Reason.WRONG_BANK)


def test_own_household_is_taken_by_a_colleague(window, client):
    """N19: nobody takes money for their own family; the try is on the record."""
    me = ResidentFactory()
    window.own_id_index = me.id_index
    window.save()
    child = ResidentFactory(phone="")
    form_household([(me, Relation.HEAD), (child, Relation.CHILD)])
    notice = fresh(resident=child)
    sign_in(client, window)
    assertContains(client.get(reverse("payments:cashier_notice", args=[notice.pk])), "同事")
    with pytest.raises(PermissionDenied):
        cashdesk.take(notice=notice, actor=actor(window), channel="hrss_centre", means="cash", token=uuid4())
    assert AuditEntry.objects.filter(action="payment.own_case", outcome="refused").exists()
    assert not Payment.objects.exists()


def test_notice_of_another_county_is_out_of_reach(window, cast, client):
    """RELIABILITY §3: a cashier of another county finds nothing and takes nothing."""
    notice = fresh()
    stranger = make_staff("far", Role.CASHIER, "450305", office_kind=OfficeKind.COUNTY_CENTRE)
    sign_in(client, stranger)
    assertContains(client.get(reverse("payments:cashier"), {"q": notice.number}), "govuk-error-summary")
    assert take(client, notice).status_code == 404
    with pytest.raises(PermissionDenied):
        cashdesk.take(notice=notice, actor=actor(stranger), channel="hrss_centre", means="cash", token=uuid4())


def test_day_list_adds_up_for_one_cashier(window, cast, client):
    """UX-C15: own payments only, sums by channel and means, printable."""
    sign_in(client, window)
    for means in ("cash", "cash", "card"):
        take(client, fresh(), means=means)
    pay(fresh(), paid_on=timezone.localdate())
    day = cashdesk.day_list(actor(window), calendar.today())
    assert (day.cash_fen, day.card_fen, day.total_fen, len(day.payments)) == (80_000, 40_000, 120_000, 3)
    page = client.get(reverse("payments:cashier_day"))
    for text in ("¥800.00", "¥1,200.00", "人社服务中心"):
        assertContains(page, text)
    assertContains(client.get(reverse("payments:cashier_day"), {"on": "2020-01-01"}), "这一天没有收款")
    assert client.get(reverse("payments:cashier_day"), {"on": "²"}).status_code == 200
    assert not cashdesk.day_list(actor(cast.cashier), calendar.today()).payments


def test_proof_of_a_colleague_is_not_shown(window, cast, client):
    """RELIABILITY §3: the page after taking belongs to who took."""
    sign_in(client, window)
    take(client, fresh())
    address = reverse("payments:cashier_done", args=[Payment.objects.get().pk, "forged"])
    assertContains(client.get(address), "¥0.00")
    sign_in(client, cast.cashier)
    assert client.get(address).status_code == 404


def test_unpaid_list_shows_whom_to_call(window, cast, client, django_assert_max_num_queries):
    """E12: due soon first, overdue apart, own area only, with a constant number of queries."""
    soon, over = fresh(), issue(at=timezone.now() - timedelta(days=30), policy=snapshot())
    pay(fresh(), paid_on=timezone.localdate())
    sign_in(client, window)
    address = reverse("payments:unpaid")
    assertContains(client.get(address), soon.grouped_number)
    assertNotContains(client.get(address), over.grouped_number)
    page = client.get(address, {"part": "over"})
    assertContains(page, over.grouped_number)
    assertNotContains(page, soon.grouped_number)
    for _notice in range(5):
        fresh()
    with django_assert_max_num_queries(14):
        client.get(address, {"part": "all", "after": "²"})
    stranger = make_staff("far2", Role.CASHIER, "450305", office_kind=OfficeKind.COUNTY_CENTRE)
    sign_in(client, stranger)
    assertNotContains(client.get(address), soon.grouped_number)
