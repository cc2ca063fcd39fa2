"""What the fixtures say, inheritance, dates, fees, and snapshots."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
import time_machine
from django.utils import translation

from portal.regions import policy
from portal.regions.models import PolicyRule, PolicySnapshot, Region, versions
from portal.regions.policy import Policy, PolicyGap

pytestmark = pytest.mark.django_db

GUILIN, ZHONGSHAN, NANCHANG = "450300", "442000", "360100"


def published(
    region: Region, key: str, value: object, start: date, until: date | None = None, kind: str = "setting"
) -> None:
    PolicyRule.objects.create(
        region=region,
        kind=kind,
        key=key,
        value=value,
        valid_from=start,
        valid_until=until,
        state="published",
        drafted_by=1,
        published_by=2,
    )
    versions.bump(versions.POLICY)


def test_nearer_regions_override_those_above(place: Callable[[str], Region]) -> None:
    """N16, H1: nation, province, city, county, town."""
    today = date(2026, 11, 21)
    for number, code in enumerate(("450000", "450300", "450302", "450302003")):
        published(place(code), "sample", number, date(2026, 1, 1))
    for number, code in enumerate(("450000", "450300", "450302", "450302003")):
        found = policy.for_region(place(code), today)
        assert found.setting("sample") == number
        assert found.source("setting", "sample") == code
    assert policy.for_region(place("450305"), today).setting("sample") == 1
    assert policy.for_region(place("442000"), today).setting("sample", "none") == "none"


def test_rule_applies_from_its_first_to_its_last_day(place: Callable[[str], Region]) -> None:
    """N16: as-of queries, both ends part of the span."""
    published(place(GUILIN), "sample", "old", date(2026, 1, 1), date(2026, 11, 30))
    published(place(GUILIN), "sample", "new", date(2026, 12, 1))
    days = {date(2025, 12, 31): None, date(2026, 1, 1): "old", date(2026, 11, 30): "old", date(2026, 12, 1): "new"}
    for day, value in days.items():
        assert policy.for_region(place(GUILIN), day).setting("sample", None) == value


def test_drafts_and_withdrawn_rules_do_not_apply(place: Callable[[str], Region]) -> None:
    for state in ("draft", "withdrawn"):
        PolicyRule.objects.create(
            region=place(GUILIN), kind="setting", key="sample", value=1, valid_from=date(2026, 1, 1), state=state
        )
    versions.bump(versions.POLICY)
    assert policy.for_region(place(GUILIN)).setting("sample", None) is None


def test_policy_costs_one_query_while_nothing_changes(
    place: Callable[[str], Region], django_assert_num_queries: Callable[..., object]
) -> None:
    region = place("450302003")
    policy.for_region(region)
    with django_assert_num_queries(1):
        policy.for_region(region)
    published(region, "sample", 1, date(2026, 1, 1))
    assert policy.for_region(region).setting("sample") == 1


def test_snapshot_keeps_what_a_case_began_with(place: Callable[[str], Region]) -> None:
    """N16, H1, E1: a later fee leaves the snapshot alone; the same content is stored once."""
    region = place("450302")
    today = date(2026, 11, 21)
    taken = PolicySnapshot.objects.take(region, today)
    assert PolicySnapshot.objects.take(region, today + timedelta(days=1)) == taken
    published(region, "premium.2027", {"standard_fen": 50000}, today, kind="fee")
    later = PolicySnapshot.objects.take(region, today)
    assert later != taken
    stored = PolicySnapshot.objects.get(pk=taken.pk)
    assert stored.policy.fee("premium", cover_year=2027).amount_fen == 40000
    assert later.policy.fee("premium", cover_year=2027).amount_fen == 50000
    assert stored.policy.on == today


@pytest.mark.parametrize(
    ("code", "category", "amount", "assistance"),
    [
        (GUILIN, "", 40000, 0),
        (GUILIN, "EXTREME_POVERTY", 0, 40000),
        (GUILIN, "ORPHAN", 0, 40000),
        (GUILIN, "DIBAO", 16000, 24000),
        (GUILIN, "ANTI_POVERTY_MONITORED", 16000, 24000),
        (GUILIN, "SEVERE_DISABILITY", 16000, 24000),
        (GUILIN, "STUDENT_TERTIARY", 40000, 0),
        (ZHONGSHAN, "DIBAO", 0, 40000),
        (ZHONGSHAN, "SEVERE_DISABILITY", 0, 40000),
        (NANCHANG, "DIBAO", 8000, 32000),
        (NANCHANG, "STUDENT_TERTIARY", 0, 40000),
        (NANCHANG, "SOMETHING_ELSE", 40000, 0),
    ],
)
def test_premium_follows_region_and_category(
    policy_of: Callable[[str], Policy], code: str, category: str, amount: int, assistance: int
) -> None:
    """S0-09: full, fixed and percentage assistance."""
    fee = policy_of(code).fee("premium", cover_year=2026, category=category)
    assert (fee.amount_fen, fee.standard_fen, fee.assistance_fen, fee.pending) == (amount, 40000, assistance, False)


@pytest.mark.parametrize(("year", "amount"), [(2024, 38000), (2025, 40000), (2026, 40000), (2027, 40000)])
def test_premium_differs_by_cover_year(policy_of: Callable[[str], Policy], year: int, amount: int) -> None:
    """S0-09"""
    assert policy_of(GUILIN).fee("premium", cover_year=year).amount_fen == amount


def test_unpublished_amount_is_pending_except_for_whom_the_state_pays_all(policy_of: Callable[[str], Policy]) -> None:
    """S0-09: Nanchang 2027; a year nobody has spoken of is pending too."""
    nanchang = policy_of(NANCHANG)
    assert nanchang.fee("premium", cover_year=2027).pending
    assert nanchang.fee("premium", cover_year=2027, category="DIBAO").pending
    orphan = nanchang.fee("premium", cover_year=2027, category="ORPHAN")
    assert (orphan.amount_fen, orphan.pending, orphan.nothing_payable) == (0, False, True)
    assert policy_of(GUILIN).fee("premium", cover_year=2031).pending


def test_age_alone_gives_assistance_in_nanchang(policy_of: Callable[[str], Policy]) -> None:
    """DOMAIN §9 C: full assistance from 70."""
    nanchang = policy_of(NANCHANG)
    assert nanchang.fee("premium", cover_year=2026, age=70).amount_fen == 0
    assert nanchang.fee("premium", cover_year=2026, age=69).amount_fen == 40000
    assert nanchang.fee("premium", cover_year=2026, category="DIBAO", age=70).category == "ELDERLY"
    assert policy_of(GUILIN).fee("premium", cover_year=2026, age=90).amount_fen == 40000


@pytest.mark.parametrize(
    ("code", "first", "replacement"), [(GUILIN, 0, 2000), (ZHONGSHAN, 2000, 2000), (NANCHANG, 0, 0)]
)
def test_card_fees_follow_the_region(
    policy_of: Callable[[str], Policy], code: str, first: int, replacement: int
) -> None:
    """S4-22, E1: 20 yuan in Zhongshan."""
    found = policy_of(code)
    assert found.fee("card_first").amount_fen == first
    assert found.fee("card_replacement").amount_fen == replacement


def test_wrong_fee_questions_are_named(policy_of: Callable[[str], Policy]) -> None:
    with pytest.raises(ValueError, match="unknown fee kind"):
        policy_of(GUILIN).fee("stamp_duty")
    with pytest.raises(ValueError, match="cover year"):
        policy_of(GUILIN).fee("premium")
    with pytest.raises(PolicyGap, match="setting sample"):
        policy_of(GUILIN).setting("sample")
    with pytest.raises(PolicyGap, match="time_limit sample"):
        policy_of(GUILIN).days("sample")


@pytest.mark.parametrize(
    ("code", "days"),
    [
        (GUILIN, {"review.county_centre": 0, "review.service_point": 3, "review.hrss_centre": 3, "card.promise": 10}),
        (GUILIN, {"review.tax_bureau": 10, "card.remind_unclaimed_calendar": 180}),
        (ZHONGSHAN, {"review.county_centre": 0, "review.service_point": 0, "card.promise": 20}),
        (ZHONGSHAN, {"card.seal_calendar": 365}),
        (NANCHANG, {"review.county_centre": 0, "review.service_point": 1, "card.promise": 7}),
    ],
)
def test_time_limits_follow_region_and_office(
    policy_of: Callable[[str], Policy], code: str, days: dict[str, int]
) -> None:
    """A6, S1-01, S1-02, S4-21: on the spot at the county centre, three working days at the service point of Guilin."""
    found = policy_of(code)
    assert {key: found.days(key) for key in days} == days
    assert (found.days("correction"), found.days("escalated"), found.days("draft_calendar")) == (15, 1, 30)


def test_channels_are_those_of_the_region(policy_of: Callable[[str], Policy]) -> None:
    """S1-09 to S1-13, S4-19, E3: five ways to pay the premium in Guilin, exactly three banks for the card."""
    guilin, zhongshan = policy_of(GUILIN), policy_of(ZHONGSHAN)
    assert [channel.code for channel in guilin.channels("premium")] == [
        "rural_credit_coop",
        "guilin_bank",
        "village_committee",
        "hrss_centre",
        "online",
    ]
    assert [channel.bank_code for channel in zhongshan.channels("nontax")] == ["ICBC", "ABC", "CCB"]
    assert not any(channel.online for channel in zhongshan.channels("nontax"))


def test_titles_and_settings_follow_the_region(policy_of: Callable[[str], Policy]) -> None:
    """S0-05, S0-08, S1-07, S1-15: titles, payment order and ages are configuration."""
    guilin = policy_of(GUILIN)
    assert guilin.text("notice.premium.title") == "广西壮族自治区城乡居民基本医疗保险参保人缴费通知单"
    with translation.override("en"):
        assert guilin.text("form.enrollment.title").startswith("Registration Form of Basic Medical Insurance")
    orders = {code: policy_of(code).setting("payment_order") for code in (GUILIN, ZHONGSHAN, NANCHANG)}
    assert orders == {GUILIN: "review_first", ZHONGSHAN: "pay_first", NANCHANG: "review_first"}
    assert (guilin.setting("self_application_age"), guilin.setting("minimum_age")) == (16, 0)


def test_legal_texts_stand_ready(policy_of: Callable[[str], Policy]) -> None:
    """S0-12, S1-23, S2-10, S2-11, S3-11, S3-12, S4-26: bilingual, with article and text."""
    guilin = policy_of(GUILIN)
    articles = {
        entry["article"]["zh"]
        for key in ("enrollment", "employer", "benefits", "card", "workers")
        for entry in guilin.setting(f"legal.{key}")
    }
    assert {"第二十四条", "第八十七条", "第五十八条", "第二条", "第二十八条", "第二十九条", "第三条"} <= articles
    assert all(entry["text"]["en"] and entry["law"]["en"] for entry in guilin.setting("legal.enrollment"))


def test_policy_of_today_changes_at_midnight_in_shanghai(place: Callable[[str], Region]) -> None:
    """N16: a scheduled rule begins with its day."""
    published(place(GUILIN), "sample", "new", date(2026, 12, 1))
    with time_machine.travel("2026-11-30T15:59:59Z", tick=False):
        assert policy.for_region(place(GUILIN)).setting("sample", None) is None
    with time_machine.travel("2026-11-30T16:00:00Z", tick=False):
        assert policy.for_region(place(GUILIN)).setting("sample") == "new"
