"""Receipts: one for every payment, numbered without a gap, printed again as a copy, reversed and never edited."""

from functools import partial

import pytest
from django.db import transaction
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from payments import receipt_papers, receipts
from payments.collective import issue_collective
from payments.models import Notice, Receipt, ReceiptSeries, VoidReason
from payments.receipts import NotIssuable, issue_receipt, print_of, receipt_of, receipts_of, void_receipt
from payments.services import confirm_refund, propose_refund
from portal.documents.models import PaperState
from portal.documents.papers import paper_fields
from portal.people.actors import SYSTEM, Actor, Role
from tests.harness.soak import many
from tests.payments.notices import NOON, draft, issue, pay, snapshot
from tests.payments.racing import at_once
from tests.payments.test_papers import squeezed, words_of
from tests.people_cast import ResidentFactory, actor, region, sign_in

FORMS = {"print": "text/html", "pdf": "application/pdf", "docx": "application/vnd.openxml"}


def paid(**fields) -> Notice:
    """A notice that was paid."""
    notice = issue(**fields)
    pay(notice)
    notice.refresh_from_db()
    return notice


def serials(issuer: str = "premium:450302") -> list[int]:
    """The serials an issuer has given out, in order."""
    return list(Receipt.objects.filter(issuer=issuer).order_by("serial").values_list("serial", flat=True))


@pytest.mark.django_db
def test_each_payment_gets_one_receipt_in_its_series():
    """E9, N9: kinds and counties have series of their own, each from 1 without a gap."""
    first, second = paid(), paid()
    card = paid(kind="nontax")
    away = paid(region=region("450305001"))
    assert serials() == [1, 2]
    assert serials("nontax:450302") == serials("premium:450305") == [1]
    one = receipt_of(first.payments.get())
    assert (one.number, one.code, one.amount_fen) == ("0302000001", "45039126", 40_000)
    assert receipt_of(card.payments.get()).code == "45010226"
    assert receipt_of(away.payments.get()).number == "0305000001"
    assert issue_receipt(second, second.payments.get()).serial == 2
    assert Receipt.objects.count() == 4


@pytest.mark.django_db
def test_money_that_waits_has_no_receipt():
    """E9: proof is given for what settled a notice, not for money that may go back."""
    payment = pay(issue(), amount_fen=1)
    assert receipt_of(payment) is None
    assert not Receipt.objects.exists()


@pytest.mark.django_db
def test_booking_that_is_undone_leaves_no_gap():
    """N9: the number of a rolled back booking is given to the next one."""
    paid()
    lost = issue()
    with transaction.atomic():
        pay(lost)
        transaction.set_rollback(True)
    paid()
    assert serials() == [1, 2]


@pytest.mark.django_db
def test_collective_payment_gives_every_member_a_receipt():
    """N9, N13: one receipt per person; the collective notice has none of its own."""
    policy = snapshot()
    members = [issue(policy=policy) for _count in range(3)]
    whole = issue_collective(
        purpose="test.household",
        reference="h-1",
        members=members,
        payer=ResidentFactory(),
        region=region("450302001"),
        office=None,
        policy=policy,
        actor=SYSTEM,
        at=NOON,
    )
    payment = pay(whole)
    assert {receipt.notice for receipt in receipts_of(payment)} == set(members)
    assert not Receipt.objects.filter(notice=whole).exists()
    assert sum(receipt.amount_fen for receipt in receipts_of(payment)) == payment.amount_fen


@pytest.mark.django_db
def test_refund_reverses_the_receipt_with_a_number_of_its_own(cast):
    """E9, E10, DOMAIN §7: the reversal points to the first receipt, which is not edited and no longer stands."""
    notice = paid()
    first = receipt_of(notice.payments.get())
    record = receipts.record_of(first)
    propose_refund(notice, reason="paid_twice", actor=actor(cast.cashier))
    confirm_refund(notice, actor=actor(cast.second_cashier))
    reversal = Receipt.objects.get(reverses=first)
    assert (reversal.serial, reversal.signed_fen, serials()) == (2, -40_000, [1, 2])
    assert receipt_of(notice.payments.get()) is None
    record.refresh_from_db()
    assert record.state == PaperState.VOID
    first = Receipt.objects.get(pk=first.pk)
    assert str(reversal) in receipt_papers.status(first)
    assert str(first) in receipt_papers.status(reversal)


@pytest.mark.django_db
def test_void_receipt_keeps_its_number(cast):
    """E9: the spoiled one stays in the series, another one takes its place; it cannot be made void twice."""
    notice = paid()
    first = receipt_of(notice.payments.get())
    second = void_receipt(first, reason=VoidReason.SPOILED, actor=actor(cast.cashier))
    assert (second.serial, second.turn, serials()) == (2, 2, [1, 2])
    assert receipt_of(notice.payments.get()) == second
    with pytest.raises(NotIssuable):
        void_receipt(first, reason=VoidReason.SPOILED, actor=actor(cast.cashier))


@pytest.mark.django_db
def test_second_printing_is_marked_as_a_copy():
    """E9: the first printing is the original, in whatever form; later ones say so on the paper."""
    receipt = receipt_of(paid().payments.get())
    by = Actor(Role.CASHIER, user_id=1)
    first, second = print_of(receipt, "pdf", by), print_of(receipt, "print", by)
    assert (first.number, second.number) == (1, 2)
    assert receipt_papers.paper(receipt, first).status == ""
    assert "1" in receipt_papers.paper(receipt, second).status


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["premium", "nontax"])
def test_every_form_carries_the_same_fields(kind):
    """N4, N5, N9: web print, PDF and Word of a receipt say the same."""
    receipt = receipt_of(paid(kind=kind).payments.get())
    paper = receipt_papers.paper(receipt)
    values = [squeezed(value) for _label, value in paper_fields(paper) if value]
    assert receipt_papers.check_code(receipt) in values
    for form in ("html", "pdf", "docx"):
        words = words_of(form, paper)
        assert [value for value in values if value not in words] == []


@pytest.mark.django_db
def test_resident_opens_own_receipt_in_every_form_and_no_other(client, cast):
    """E9, M2: from the notice to the receipt; a stranger's does not exist for them."""
    mine, other = paid(resident=cast.zhang), paid(resident=cast.wang, region=region("450305001"))
    receipt, foreign = (receipt_of(notice.payments.get()) for notice in (mine, other))
    sign_in(client, cast.zhang)
    page = client.get(receipt.get_absolute_url())
    assertContains(page, receipt.number)
    for form, media in FORMS.items():
        answer = client.get(reverse("payments:receipt_paper", args=[receipt.pk, form]))
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
        assert answer["Content-Type"].startswith(media)
    assert receipt.prints.count() == 3
    assert client.head(reverse("payments:receipt_paper", args=[receipt.pk, "pdf"])).status_code == 200
    assert receipt.prints.count() == 3
    assert client.get(foreign.get_absolute_url()).status_code == 404
    assert client.get(reverse("payments:receipt_paper", args=[foreign.pk, "pdf"])).status_code == 404
    assertNotContains(client.get(receipt.get_absolute_url()), foreign.number)


@pytest.mark.django_db
def test_cashier_makes_a_receipt_void_on_its_page(client, cast):
    """E9: with a reason; the page of the new one opens."""
    receipt = receipt_of(paid().payments.get())
    sign_in(client, cast.cashier)
    address = reverse("payments:void_receipt", args=[receipt.pk])
    client.post(address, {"reason": "nonsense"})
    assert receipt_of(receipt.payment) == receipt
    answer = client.post(address, {"reason": VoidReason.SPOILED})
    assert answer.url == receipt_of(receipt.payment).get_absolute_url()
    assert client.post(address, {"reason": VoidReason.SPOILED}).status_code == 409


def book(pk) -> int:
    """Books the payment of a notice in this process and returns the serial of its receipt."""
    return receipt_of(pay(Notice.objects.get(pk=pk), provider_txn=f"race-{pk}")).serial


def naive_serial() -> int:
    """The twin: looks at the last number and writes the next one."""
    series, _created = ReceiptSeries.objects.get_or_create(issuer="naive", year=2026)
    ReceiptSeries.objects.filter(pk=series.pk).update(last=series.last + 1)
    return series.last + 1


@pytest.mark.both_databases
@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_payments_at_once_are_numbered_without_a_gap():
    """N9, E9: parallel bookings give 1..n, no gap and no double; a hundred under `make soak`."""
    count = many(12, 100, "bookings at once")
    policy = snapshot()
    notices = [issue(policy=policy) for _count in range(count)]
    found = []
    for start in range(0, count, 20):
        found += at_once([partial(book, notice.pk) for notice in notices[start : start + 20]])
    assert sorted(found) == list(range(1, count + 1))


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_naive_numbering_would_repeat():
    """N9, the negative twin: read-add-write gives the same number twice."""
    ReceiptSeries.objects.create(issuer="naive", year=2026)
    for _turn in range(20):
        found = at_once([naive_serial] * 8)
        if len(set(found)) < len(found):
            return
    pytest.fail("the race was not provoked")


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_one_callback_many_times_is_one_receipt():
    """E4: the same transaction in parallel: one payment, one receipt."""
    notice = issue(**vars(draft()))
    results = at_once([partial(book, notice.pk)] * 10)
    assert len(set(results)) == 1
    assert Receipt.objects.count() == 1
