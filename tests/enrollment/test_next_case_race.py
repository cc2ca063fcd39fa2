"""Ten clerks ask for the next case of their queue at the same moment (REL-R11)."""

import time
from functools import partial

import pytest

from enrollment import queueing
from enrollment.models import Application, CaseLease
from portal.people.actors import Actor, Role
from portal.regions.models import OfficeKind
from tests import regions_kept
from tests.enrollment import journeys
from tests.harness.soak import many
from tests.payments.racing import at_once
from tests.people_cast import ResidentFactory, actor, make_staff

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases, pytest.mark.processes]

CLERKS = 10
CASES = 13
ROUNDS = many(3, 100)
VIEW = queueing.Filter("decide")


@pytest.fixture
def clerks() -> list[Actor]:
    """Colleagues of one service point, in whose queue thirteen cases wait."""
    regions_kept.load()
    point = {"office_kind": OfficeKind.SERVICE_POINT}
    staff = [make_staff(f"next{number}", Role.CLERK, "450302001", **point) for number in range(CLERKS)]
    for _number in range(CASES):
        journeys.under_review(ResidentFactory())
    return [actor(user) for user in staff]


def claim(who: Actor) -> str:
    case = queueing.claim_next(who, VIEW)
    assert case is not None
    return str(case.pk)


def naive_claim(who: Actor) -> str:
    """The twin: looks for a free case, and then writes its name on it."""
    case = queueing.next_case(who, VIEW)
    assert case is not None
    time.sleep(0.01)
    CaseLease.objects.update_or_create(
        application=case, defaults={"holder_id": who.user_id, "since": case.state_since, "until": case.due_at}
    )
    return str(case.pk)


def test_ten_clerks_at_once_get_ten_cases_and_none_is_passed_over(clerks: list[Actor]) -> None:
    """REL-R11, UX-C6: nobody gets the same one, and together they hold the ten that are due first."""
    order = list(Application.objects.order_by("due_at", "pk").values_list("pk", flat=True)[:CLERKS])
    for _turn in range(ROUNDS):
        claimed = at_once([partial(claim, who) for who in clerks])
        assert sorted(claimed) == sorted(map(str, order)), claimed
        held = CaseLease.objects.values_list("application", "holder")
        assert sorted((str(case), holder) for case, holder in held) == sorted(
            (case, who.user_id) for case, who in zip(claimed, clerks, strict=True)
        )
        CaseLease.objects.all().delete()


def test_clerks_who_look_first_and_write_afterwards_get_the_same_case(clerks: list[Actor]) -> None:
    """REL-R11, the negative twin: without the lease the race is real."""
    for _turn in range(20):
        claimed = at_once([partial(naive_claim, who) for who in clerks])
        if len(set(claimed)) < CLERKS:
            return
        CaseLease.objects.all().delete()
    pytest.fail("the race was not provoked")
