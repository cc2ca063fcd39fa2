"""Who sees which notice."""

import pytest

from payments.models import Notice, PaymentException
from payments.numbers import notice_number
from portal.people.actors import ANONYMOUS, SYSTEM, Actor, Role
from tests.payments.notices import issue, pay
from tests.people_cast import ResidentFactory, actor, make_staff, office, region

pytestmark = pytest.mark.django_db


def seen(who: Actor, *notices: Notice) -> list[bool]:
    """Which of the notices the actor sees."""
    visible = set(Notice.objects.visible_to(who).values_list("pk", flat=True))
    return [notice.pk in visible for notice in notices]


def test_residents_see_their_household_and_wards(cast):
    """RELIABILITY §3: notice: see: hh."""
    assert cast.li
    assert cast.guardian
    own, wife, child, stranger = (issue(resident=who) for who in (cast.zhang, cast.li, cast.child, cast.wang))
    assert seen(actor(cast.zhang), own, wife, child, stranger) == [True, True, True, False]
    assert seen(actor(cast.wang), own, wife, child, stranger) == [False, False, False, True]


def test_staff_see_their_region_and_office(cast):
    """RELIABILITY §3: notice: see: sp, vil, cty, own office; the hotline and administrators none."""
    here = issue(office=office("service_point", "450302001"))
    without_office = issue()
    elsewhere = issue(region=region("450305001"), office=office("service_point", "450305001"))
    expected = {
        Role.CLERK: [True, True, False],
        Role.COMMITTEE_AGENT: [False, False, False],  # only of cases they entered themselves
        Role.COUNTY_REVIEWER: [True, True, False],
        Role.CASHIER: [True, True, False],
        Role.AUDITOR: [True, True, True],
        Role.CARD_CLERK: [False, False, False],
        Role.HOTLINE: [False, False, False],
        Role.ADMIN: [False, False, False],
    }
    for role, user in cast.staff().items():
        assert seen(actor(user), here, without_office, elsewhere) == expected[role], role
    assert seen(actor(cast.other_clerk), here, without_office, elsewhere) == [False, False, True]


def test_clerk_does_not_see_another_office_of_the_same_town(cast):
    """RELIABILITY §3: sp is the own service point."""
    other = office("hrss_centre", "450302001")
    assert seen(actor(cast.clerk), issue(office=other)) == [False]


def test_card_clerk_sees_card_fees_of_the_region(cast):
    """RELIABILITY §3: card office: own queue."""
    assert seen(actor(cast.card_clerk), issue(kind="nontax"), issue()) == [True, False]


def test_visitors_and_roles_without_a_place_see_nothing(cast):
    """RELIABILITY §3: anon: nothing; a scope that is empty contains nothing; the portal itself sees all."""
    notice = issue(resident=cast.zhang)
    assert seen(ANONYMOUS, notice) == [False]
    assert all(seen(Actor(role), notice) == [False] for role in Role if role != Role.SYSTEM)
    assert seen(SYSTEM, notice) == [True]


def test_cashier_of_an_office_sees_what_the_office_issued(cast):
    """RELIABILITY §3: cashier: all of own office, wherever the payer lives."""
    centre = office("county_centre", "450302")
    afar = issue(region=region("450305001"), office=centre)
    assert seen(actor(cast.cashier), afar) == [True]


def test_exceptions_are_for_cashiers_and_auditors(cast):
    """RELIABILITY §3: suspense: own area, auditors read; money for no known notice and no known place is for the
    level of the city and above.
    """
    here, elsewhere = issue(), issue(region=region("450305001"))
    known, foreign = pay(here, amount_fen=1), pay(elsewhere, amount_fen=1)
    unknown = pay(here, notice_number=notice_number("premium", 2026, 999_999))

    def listed(user) -> set:
        return {row.payment for row in PaymentException.objects.visible_to(actor(user))}

    assert listed(cast.cashier) == {known}
    assert listed(cast.auditor) == {known, foreign, unknown}
    assert listed(make_staff("far", Role.CASHIER, "450305")) == {foreign}
    assert listed(make_staff("city", Role.CASHIER, "450300")) == {known, foreign, unknown}
    for role in (Role.CLERK, Role.ADMIN, Role.COUNTY_REVIEWER):
        assert listed(cast.staff()[role]) == set()
    assert not PaymentException.objects.visible_to(actor(ResidentFactory()))
