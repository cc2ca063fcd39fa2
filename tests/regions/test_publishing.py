"""Changes of policy: two admins, no overlap, no past, scheduled and taken back."""

import importlib
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction

from portal.audit.models import AuditEntry
from portal.people.actors import Actor
from portal.regions import calendar, policy, publishing
from portal.regions.models import PolicyRule, Region
from portal.regions.models.policy import INHERIT
from portal.regions.publishing import PolicyRefused
from tests.people_cast import actor
from tests.regions.conftest import Admins

pytestmark = pytest.mark.django_db

NOW = "2026-11-21T02:00:00Z"
TODAY = date(2026, 11, 21)
NEXT = date(2027, 1, 1)
KEY = "premium.2027"


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def guilin(place: Callable[[str], Region]) -> Region:
    return place("450300")


def draft(region: Region, by: Actor, fen: int = 41000, start: date = NEXT, key: str = KEY) -> PolicyRule:
    return publishing.draft_rule(
        region=region, kind="fee", key=key, value={"standard_fen": fen}, valid_from=start, actor=by
    )


def fee(region: Region, on: date) -> int | None:
    return policy.for_region(region, on).fee("premium", cover_year=2027).amount_fen


def test_draft_changes_nothing_until_a_second_admin_publishes_it(guilin: Region, admins: Admins) -> None:
    """H3, UX-A1: the drafter is refused, the second admin publishes, the day decides."""
    first, second = actor(admins.first), actor(admins.second)
    rule = draft(guilin, first)
    assert fee(guilin, NEXT) == 40000
    with pytest.raises(PolicyRefused, match="另一名管理员"):
        publishing.publish(rule, first)
    publishing.publish(rule, second)
    assert fee(guilin, NEXT - timedelta(days=1)) == 40000
    assert fee(guilin, NEXT) == 41000
    former = PolicyRule.objects.get(pk=rule.supersedes_id or PolicyRule.objects.get(pk=rule.pk).supersedes_id)
    assert former.valid_until == NEXT - timedelta(days=1)
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        "policy.drafted",
        "policy.published",
    ]


def test_admin_of_another_region_may_neither_draft_nor_publish(guilin: Region, admins: Admins) -> None:
    """H3: own subtree only; an auditor changes nothing."""
    stranger, auditor = actor(admins.elsewhere), actor(admins.auditor)
    rule = draft(guilin, actor(admins.first))
    for somebody in (stranger, auditor):
        with pytest.raises(PermissionDenied):
            draft(guilin, somebody)
        with pytest.raises(PermissionDenied):
            publishing.publish(rule, somebody)
        with pytest.raises(PermissionDenied):
            publishing.withdraw(rule, somebody)


def test_nobody_changes_the_past(guilin: Region, admins: Admins) -> None:
    """UX-A1, H1: a start before today is refused, also for a draft that has grown old."""
    first, second = actor(admins.first), actor(admins.second)
    with pytest.raises(PolicyRefused) as refused:
        draft(guilin, first, start=TODAY - timedelta(days=1))
    assert refused.value.field == "valid_from"
    rule = draft(guilin, first, start=TODAY + timedelta(days=1))
    with time_machine.travel(f"{TODAY + timedelta(days=2)}T02:00:00Z"), pytest.raises(PolicyRefused):
        publishing.publish(rule, second)
    assert draft(guilin, first, start=TODAY).pk


def test_published_day_cannot_be_taken_twice(guilin: Region, admins: Admins) -> None:
    """H2: a second change for days already published is refused in words, at the field."""
    first, second = actor(admins.first), actor(admins.second)
    rule, rival = draft(guilin, first), draft(guilin, first, 42000)
    publishing.publish(rule, second)
    for start in (NEXT, NEXT - timedelta(days=10)):
        with pytest.raises(PolicyRefused, match="2027年1月1日") as refused:
            draft(guilin, first, 43000, start)
        assert refused.value.field == "valid_from"
    with pytest.raises(PolicyRefused):
        publishing.publish(rival, second)
    assert fee(guilin, NEXT) == 41000
    publishing.publish(draft(guilin, first, 44000, date(2027, 7, 1)), second)
    assert [fee(guilin, day) for day in (TODAY, NEXT, date(2027, 7, 1))] == [40000, 41000, 44000]


@pytest.mark.parametrize(
    ("start", "until"),
    [
        (TODAY, None),
        (NEXT, NEXT),
        (date(2020, 1, 1), date(2024, 1, 1)),
        (date(2020, 1, 1), None),
        (date(2025, 1, 1), NEXT),
    ],
)
def test_database_refuses_overlapping_periods(guilin: Region, start: date, until: date | None) -> None:
    """H2: past every service, on both databases."""
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyRule.objects.create(
            region=guilin,
            kind="fee",
            key=KEY,
            value={},
            valid_from=start,
            valid_until=until,
            state="published",
            drafted_by=1,
            published_by=2,
        )


def test_database_accepts_neighbouring_periods_and_drafts(guilin: Region) -> None:
    """H2: only published rules of one region, kind and key stand in each other's way."""
    PolicyRule.objects.create(region=guilin, kind="fee", key=KEY, value={}, valid_from=NEXT)
    for start, until in ((date(2020, 1, 1), date(2020, 12, 31)), (date(2021, 1, 1), date(2023, 12, 31))):
        PolicyRule.objects.create(
            region=guilin,
            kind="fee",
            key=KEY,
            value={},
            valid_from=start,
            valid_until=until,
            state="published",
            drafted_by=1,
            published_by=2,
        )


def test_database_refuses_one_person_and_edits_of_what_is_published(guilin: Region, admins: Admins) -> None:
    """H3: published by its drafter, or changed afterwards by SQL."""
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyRule.objects.create(
            region=guilin,
            kind="fee",
            key="premium.2030",
            value={},
            valid_from=NEXT,
            state="published",
            drafted_by=1,
            published_by=1,
        )
    rule = publishing.publish(draft(guilin, actor(admins.first)), actor(admins.second))
    for change in ({"value": {"standard_fen": 1}}, {"valid_from": TODAY}, {"key": "premium.2028"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PolicyRule.objects.filter(pk=rule.pk).update(**change)


def test_scheduled_change_is_taken_back_before_its_day(guilin: Region, admins: Admins) -> None:
    """N17, H3: the former rule goes on as if nothing had been."""
    rule = publishing.publish(draft(guilin, actor(admins.first)), actor(admins.second))
    publishing.withdraw(rule, actor(admins.second))
    assert fee(guilin, NEXT) == 40000
    assert PolicyRule.objects.get(pk=rule.supersedes_id).valid_until is None
    with pytest.raises(PolicyRefused):
        publishing.withdraw(rule, actor(admins.second))


def test_rule_in_force_is_rolled_back_by_a_new_draft(guilin: Region, admins: Admins) -> None:
    """N17: what has been in force is never erased; the return is a change like others."""
    first, second = actor(admins.first), actor(admins.second)
    rule = publishing.publish(draft(guilin, first, start=TODAY), second)
    with pytest.raises(PolicyRefused):
        publishing.withdraw(rule, second)
    back = publishing.draft_rollback(rule, valid_from=TODAY + timedelta(days=1), actor=second)
    publishing.publish(back, first)
    assert [fee(guilin, TODAY), fee(guilin, TODAY + timedelta(days=1))] == [41000, 40000]


def test_own_rule_of_a_county_gives_way_to_the_city_again(place: Callable[[str], Region], admins: Admins) -> None:
    """UX-A4: back to inherited."""
    county, first, second = place("450302"), actor(admins.first), actor(admins.second)
    own = publishing.publish(draft(county, first, 50000, TODAY), second)
    assert (fee(county, TODAY), fee(place("450302003"), TODAY), fee(place("450303"), TODAY)) == (50000, 50000, 40000)
    back = publishing.draft_rule(region=county, kind="fee", key=KEY, value=INHERIT, valid_from=NEXT, actor=first)
    publishing.publish(back, second)
    assert fee(county, NEXT) == 40000
    assert policy.for_region(county, NEXT).source("fee", KEY) == "450300"
    assert publishing.draft_rollback(own, valid_from=date(2027, 3, 1), actor=first).value == INHERIT


def test_dry_run_counts_the_places_that_will_follow(place: Callable[[str], Region], admins: Admins) -> None:
    """N17: the places that inherit, without those with a nearer rule; after publication it is exactly those."""
    first, second = actor(admins.first), actor(admins.second)
    publishing.publish(draft(place("450302"), first, 50000, TODAY), second)
    rule = draft(place("450300"), first)
    followers = {region.code for region in publishing.followers(rule)}
    assert followers == {
        region.code for region in Region.objects.within(place("450300")) if not region.code.startswith("450302")
    }

    def count_cases(_rule: PolicyRule) -> list[tuple[str, int]]:
        return [("open applications", 7)]

    policy.impact_counters.append(count_cases)
    try:
        assert publishing.impact(rule)[-1] == ("open applications", 7)
    finally:
        policy.impact_counters.remove(count_cases)
    publishing.publish(rule, second)
    changed = [place for place in Region.objects.within(place("450300")) if fee(place, NEXT) == 41000]
    assert len(changed) == len(followers)


def test_publishing_wakes_the_upper_layers(guilin: Region, admins: Admins) -> None:
    """A pending premium that is published reaches whoever waits for it, in the same transaction."""
    heard: list[PolicyRule] = []
    policy.on_publish.append(heard.append)
    try:
        rule = publishing.publish(draft(guilin, actor(admins.first)), actor(admins.second))
        publishing.withdraw(rule, actor(admins.first))
    finally:
        policy.on_publish.remove(heard.append)
    assert [entry.pk for entry in heard] == [rule.pk, rule.pk]


@pytest.mark.django_db(transaction=True)
def test_two_admins_publishing_rival_drafts_leave_one(guilin: Region, admins: Admins) -> None:
    """H2, H3: on one day only one of two rival drafts is published, whatever the timing."""
    rules = [draft(guilin, actor(admins.first), 41000 + n) for n in range(4)]
    second, outcomes = actor(admins.second), []
    if connection.vendor == "sqlite":
        # Threads of one test share the in-memory database of SQLite; there the rivals come one after the other.
        outcomes = [_publish(rule.pk, second) for rule in rules]
    else:
        barrier = threading.Barrier(len(rules))

        def run(pk: int) -> None:
            barrier.wait()
            outcomes.append(_publish(pk, second))
            connection.close()

        threads = [threading.Thread(target=run, args=[rule.pk]) for rule in rules]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert outcomes.count("published") == 1
    assert PolicyRule.objects.published().filter(key=KEY, region=guilin, valid_from=NEXT).count() == 1


def _publish(pk: int, by: Actor) -> str:
    try:
        publishing.publish(PolicyRule.objects.get(pk=pk), by)
    except PolicyRefused:
        return "refused"
    return "published"


def test_today_is_a_local_day(guilin: Region, admins: Admins) -> None:
    """REL-C4: just after midnight in Shanghai yesterday is the past."""
    with time_machine.travel("2026-11-21T16:00:00Z", tick=False):
        assert calendar.today() == date(2026, 11, 22)
        with pytest.raises(PolicyRefused):
            draft(guilin, actor(admins.first), start=TODAY)


def test_guard_stands_without_the_postgresql_extension(guilin: Region) -> None:
    """H2: where btree_gist cannot be had, a trigger refuses the overlap; on SQLite it always does."""
    guards = importlib.import_module("portal.regions.migrations.0002_no_overlap")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(f"ALTER TABLE {guards.TABLE} DROP CONSTRAINT regions_rule_no_overlap")
            cursor.execute(guards.POSTGRES_TRIGGER)
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [guards.TABLE])
            names = {name for (name,) in cursor.fetchall()}
            assert {"regions_rule_no_overlap_INSERT", "regions_rule_no_overlap_UPDATE", "regions_rule_frozen"} <= names
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyRule.objects.create(
            region=guilin,
            kind="fee",
            key=KEY,
            value={},
            valid_from=TODAY,
            state="published",
            drafted_by=1,
            published_by=2,
        )
    PolicyRule.objects.create(
        region=guilin, kind="fee", key=KEY, value={}, valid_from=date(2020, 1, 1), valid_until=date(2020, 2, 1),
        state="published", drafted_by=1, published_by=2,
    )  # fmt: skip
