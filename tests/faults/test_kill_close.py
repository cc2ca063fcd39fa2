"""The close of a day is killed at every statement: the day is open as before, or closed whole, and never twice."""

from collections import Counter

import pytest
import time_machine

from payments.closing import close_day, sheet
from payments.models import DayClose, Payment, Receipt
from tests.faults.dying import is_killed
from tests.harness.soak import many
from tests.payments.notices import TODAY, issue, pay, snapshot
from tests.payments.test_closing import BY, HERE
from tests.people_cast import region

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.mark.both_databases
def test_killed_close_leaves_a_day_open_or_closes_it_once() -> None:
    """E8, issue 5: kill -9 before each statement of the close; money afterwards finds the right day."""
    count = many(2, 30, "payments of the day")
    with time_machine.travel(f"{TODAY}T08:00:00+08:00", tick=False):
        policy = snapshot()
        for _number in range(count):
            pay(issue(policy=policy), channel="committee")
        late = issue(policy=policy)
        here = region(HERE)
        money = count * 40_000

        def close() -> DayClose:
            return close_day(region=here, channel="committee", on=TODAY, counted_fen=money, actor=BY)

        at = 0
        while is_killed(close, at):
            # Nothing of a close that was killed is left, and the gate is open for the next one.
            found = sheet(region=here, channel="committee", on=TODAY, counted_fen=money)
            assert (found.closed, found.differences, found.settled_fen) == (None, [], money)
            at += 1
        assert at > 3
        closed = DayClose.objects.get()
        assert (closed.count, closed.settled_fen, closed.counted_fen, closed.receipts) == (count, money, money, count)
        assert close() == closed
        pay(late, channel="committee")
    assert DayClose.objects.count() == 1
    assert Payment.objects.count() == Receipt.objects.count() == count + 1
    days = Counter(Payment.objects.order_by("journals__posted_on").values_list("journals__posted_on", flat=True))
    assert list(days.values()) == [count, 1]
