"""Payments and numbers under real concurrency, each with a naive twin that shows the race is there."""

import time
from datetime import UTC, datetime
from functools import partial

import pytest
import time_machine

from payments import numbers
from payments.allocation import next_serials
from payments.models import Notice, NumberSeries, Payment, PaymentException, Reason
from payments.services import issue_notice, supersede_notice
from payments.states import State
from payments.workflow import NoticeWorkflow
from portal.outbox.models import Message
from portal.people.actors import SYSTEM
from tests.harness.soak import many
from tests.payments.notices import NOON, TODAY, draft, issue, pay
from tests.payments.racing import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
    pytest.mark.processes,
]

PAYERS = 20
ROUNDS = many(3, 100)
NUMBERS_EACH = many(60, 500, "numbers each")


def book(notice_pk, txn: str, channel: str) -> str:
    """Books one payment in this process, as a counter or a callback does."""
    return str(pay(Notice.objects.get(pk=notice_pk), provider_txn=txn, channel=channel).pk)


def naive_book(notice_pk) -> bool:
    """The twin: looks, thinks, and writes what it saw."""
    unpaid = Notice.objects.get(pk=notice_pk).state == State.ISSUED
    time.sleep(0.01)
    if unpaid:
        Notice.objects.filter(pk=notice_pk).update(version=2)
    return unpaid


def test_twenty_payments_at_once_settle_a_notice_once():
    """REL-R4: two tabs, counter and online at once: one paid, other money waits."""
    for turn in range(ROUNDS):
        notice = issue()
        channels = ["coop", "online"] * (PAYERS // 2)
        jobs = [partial(book, notice.pk, f"{turn}-{n}", channel) for n, channel in enumerate(channels)]
        results = at_once(jobs)
        assert all(isinstance(result, str) for result in results), results
        assert Payment.objects.filter(notice=notice).count() == PAYERS
        assert Payment.objects.filter(notice=notice, outcome=Payment.Outcome.SETTLED).count() == 1
        duplicates = PaymentException.objects.filter(payment__notice=notice, reason=Reason.DUPLICATE)
        assert duplicates.count() == PAYERS - 1
        notice.refresh_from_db()
        assert (notice.state, notice.version, notice.timeline.count()) == (State.PAID, 2, 2)
        assert Message.objects.filter(key=f"payments.paid:{notice.pk}").count() == 1


def test_one_callback_twenty_times_at_once_is_one_payment():
    """REL-I1, E4: the same transaction in parallel: one payment, one message, one answer to all."""
    for turn in range(ROUNDS):
        notice = issue()
        results = at_once([partial(book, notice.pk, f"same-{turn}", "online")] * PAYERS)
        assert len(set(results)) == 1, results
        assert Payment.objects.filter(notice=notice).count() == 1
        assert not PaymentException.objects.filter(payment__notice=notice).exists()
        notice.refresh_from_db()
        assert (notice.state, notice.timeline.count()) == (State.PAID, 2)
        assert Message.objects.filter(key=f"payments.paid:{notice.pk}").count() == 1


def test_naive_booking_would_settle_twice():
    """REL-R4, the negative twin: check-then-write lets several payments through."""
    for _turn in range(10):
        notice = issue()
        if sum(at_once([partial(naive_book, notice.pk)] * PAYERS)) > 1:
            return
    pytest.fail("the race was not provoked")


def test_money_and_replacement_at_once_lose_nothing():
    """N10: whoever is first, the money settles the old notice or its successor, and only one of them is paid."""
    for turn in range(ROUNDS):
        wanted = draft()
        old = issue(**vars(wanted))

        def replace(old=old, wanted=wanted) -> str:
            supersede_notice(Notice.objects.get(pk=old.pk), wanted, actor=SYSTEM, at=NOON)
            return "replaced"

        booked, _replaced = at_once([partial(book, old.pk, f"r-{turn}", "coop"), replace])
        assert isinstance(booked, str), booked
        payment = Payment.objects.get(provider_txn=f"r-{turn}")
        assert payment.settled
        live = Notice.objects.live().filter(reference=old.reference)
        assert [notice.state for notice in live] == [State.PAID]


def test_money_and_expiry_at_once_end_in_one_of_the_two_orders():
    """REL-R3: paid in time is paid, whether the sweep or the money is first."""
    for turn in range(ROUNDS):
        notice = issue()

        def expire() -> int:
            with time_machine.travel(datetime(2026, 12, 5, tzinfo=UTC), tick=False):
                return NoticeWorkflow.expire.sweep()

        results = at_once([partial(book, notice.pk, f"e-{turn}", "coop"), expire, expire])
        assert not any(isinstance(result, Exception) for result in results), results
        notice.refresh_from_db()
        assert (notice.state, notice.paid_on, notice.due_at) == (State.PAID, TODAY, None)


def test_case_billed_by_many_at_once_has_one_notice():
    """REL-R8, UX-E15: a sweep and clicks issue the notice of one case together: all get the same one."""
    for _turn in range(ROUNDS):
        wanted = draft()

        def bill(wanted=wanted) -> str:
            return issue_notice(actor=SYSTEM, at=NOON, **vars(wanted)).number

        results = at_once([bill] * 10)
        assert len(set(results)) == 1, results
        assert Notice.objects.filter(reference=wanted.reference).count() == 1


def take_numbers() -> list[str]:
    """Takes numbers one by one and in runs, as clicks and sweeps do."""
    taken = []
    while len(taken) < NUMBERS_EACH:
        for serial in next_serials("premium", 1 + len(taken) % 3):
            taken.append(numbers.notice_number("premium", 2026, serial))
    return taken


def naive_serials() -> list[int]:
    """The twin: reads the last serial, adds one, writes it back."""
    taken = []
    for _count in range(20):
        last = NumberSeries.objects.get(kind="premium").last + 1
        NumberSeries.objects.filter(kind="premium").update(last=last)
        taken.append(last)
    return taken


def test_eight_processes_never_get_the_same_number():
    """REL-R10: no duplicate, and every check digit right."""
    results = at_once([take_numbers] * 8)
    taken = [number for result in results for number in result]
    assert len(taken) == len(set(taken)) >= 8 * NUMBERS_EACH
    assert all(numbers.parse_number(number).kind == "premium" for number in taken)


def test_naive_numbering_would_repeat():
    """REL-R10, the negative twin: read-add-write gives the same number twice."""
    NumberSeries.objects.get_or_create(kind="premium")
    for _turn in range(10):
        taken = [number for result in at_once([naive_serials] * 8) for number in result]
        if len(taken) != len(set(taken)):
            return
    pytest.fail("the race was not provoked")
