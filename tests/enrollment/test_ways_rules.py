"""The plain rules of the ways in as tables: simulator, both parts of co-ordination, data sharing, groups of people."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollment import coordination, eligibility, sharing, simulator, terms
from enrollment.codes import OtherCover, Status
from enrollment.models import Employment
from portal.people.identity import age_on, birthday
from portal.people.models import Level, Resident
from portal.regions import calendar, materials
from portal.regions import policy as policies
from portal.regions.models import Region
from portal.regions.policy_values import Policy

ADULT = date(1980, 1, 1)
PLACES = {"guilin": "450302001", "zhongshan": "442000001", "nanchang": "360113001"}

TABLE = [
    ("guilin", ADULT, date(2026, 11, 23), {}, [(2027, "collection", date(2027, 1, 1), 0)]),
    ("guilin", ADULT, date(2026, 12, 31), {}, [(2027, "collection", date(2027, 1, 1), 0)]),
    ("guilin", ADULT, date(2027, 1, 1), {}, [(2027, "late", date(2027, 4, 2), 3)]),
    ("guilin", ADULT, date(2027, 6, 30), {}, [(2027, "late", date(2027, 10, 1), 3)]),
    ("guilin", ADULT, date(2027, 7, 1), {}, []),
    ("guilin", ADULT, date(2026, 11, 23), {"missed_years": 2}, [(2027, "collection", date(2027, 6, 1), 5)]),
    (
        "guilin",
        ADULT,
        date(2026, 11, 23),
        {"missed_years": 2, "repaid_years": 2},
        [(2027, "collection", date(2027, 4, 1), 3)],
    ),
    (
        "guilin",
        ADULT,
        date(2026, 11, 23),
        {"missed_years": 4, "repaid_years": 4},
        [(2027, "collection", date(2027, 7, 1), 6)],
    ),
    (
        "guilin",
        ADULT,
        date(2026, 11, 23),
        {"missed_years": 4, "category": "DIBAO"},
        [(2027, "collection", date(2027, 1, 1), 0)],
    ),
    (
        "guilin",
        date(2026, 10, 10),
        date(2026, 11, 23),
        {},
        [(2026, "newborn", date(2026, 10, 10), 0), (2027, "collection", date(2027, 1, 1), 0)],
    ),
    (
        "guilin",
        date(2026, 8, 31),
        date(2026, 11, 30),
        {},
        [(2026, "newborn", date(2026, 8, 31), 0), (2027, "collection", date(2027, 1, 1), 0)],
    ),
    (
        "guilin",
        date(2026, 3, 1),
        date(2026, 10, 15),
        {},
        [(2026, "infant", date(2026, 11, 1), 0), (2027, "collection", date(2027, 1, 1), 0)],
    ),
    ("zhongshan", ADULT, date(2026, 9, 1), {}, [(2027, "collection", date(2027, 1, 1), 0)]),
    ("zhongshan", ADULT, date(2027, 1, 1), {}, []),
    ("zhongshan", ADULT, date(2026, 11, 23), {"missed_years": 1}, [(2027, "collection", date(2027, 5, 1), 4)]),
    (
        "zhongshan",
        ADULT,
        date(2026, 11, 23),
        {"missed_years": 1, "category": "SEVERE_DISABILITY"},
        [(2027, "collection", date(2027, 5, 1), 4)],
    ),
    ("zhongshan", date(2027, 2, 10), date(2027, 3, 1), {}, [(2027, "newborn", date(2027, 2, 10), 0)]),
    ("nanchang", ADULT, date(2026, 9, 14), {}, [(2026, "late", date(2026, 12, 15), 3)]),
    (
        "nanchang",
        ADULT,
        date(2026, 11, 23),
        {},
        [(2027, "collection", date(2027, 1, 1), 0), (2026, "late", date(2027, 2, 24), 3)],
    ),
    ("nanchang", ADULT, date(2027, 2, 28), {}, [(2027, "collection", date(2027, 3, 1), 0)]),
    ("nanchang", ADULT, date(2027, 3, 1), {}, [(2027, "late", date(2027, 6, 2), 3)]),
    ("nanchang", date(2026, 3, 1), date(2026, 8, 10), {}, [(2026, "infant", date(2026, 8, 11), 0)]),
]


def given_policy(place: str) -> tuple[Policy, Region]:
    region = Region.objects.get(code=PLACES[place])
    return policies.for_region(region, date(2026, 11, 23)), region


@pytest.mark.django_db
def test_a_day_of_payment_gives_the_first_day_of_cover_in_every_region(regions):
    """N21: collection period, late window, newborn and infant, missed years, exempt groups, region by region."""
    with calendar.pinned():
        for place, birth_on, pay_on, rest, expected in TABLE:
            policy, region = given_policy(place)
            question = simulator.Question(birth_on, pay_on, **rest)
            found = simulator.outcomes(question, policy, lambda day, at=region: calendar.is_workday(day, at))
            seen = [(one.year, one.window, one.dates.benefits_from, one.dates.waiting_months) for one in found]
            assert seen == expected, (place, birth_on, pay_on, rest)


@pytest.mark.django_db
def test_a_waiting_period_longer_than_the_year_is_named(regions):
    """N21: who pays for 2026 in November in Nanchang gets nothing for it, and is told before paying."""
    policy, _region = given_policy("nanchang")
    found = simulator.outcomes(simulator.Question(ADULT, date(2026, 11, 23)), policy, lambda day: day.weekday() < 5)
    assert [one.comes_too_late for one in found] == [False, True]


@pytest.mark.django_db
def test_waiting_to_pay_runs_through_the_windows_to_the_next_collection_period(regions):
    """N21: what a later payment gives, and what follows when nothing is paid (lapse)."""
    policy, _region = given_policy("guilin")
    asked = simulator.Question(ADULT, date(2026, 11, 23))
    stretches = simulator.if_you_wait(asked, policy, lambda day: day.weekday() < 5)
    shown = [(one.begins, one.ends, [(o.year, o.window) for o in one.outcomes]) for one in stretches]
    assert shown == [
        (date(2026, 11, 23), date(2026, 12, 31), [(2027, "collection")]),
        (date(2027, 1, 1), date(2027, 6, 30), [(2027, "late")]),
        (date(2027, 7, 1), date(2027, 8, 31), []),
        (date(2027, 9, 1), date(2027, 12, 31), [(2028, "collection")]),
        (date(2028, 1, 1), None, [(2028, "late")]),
    ]
    told = [[(o.dates.benefits_from, o.dates.waiting_months) for o in one.outcomes] for one in stretches]
    assert told == [
        [(date(2027, 1, 1), 0)],
        [(date(2027, 4, 2), 3)],
        [],
        [(date(2028, 5, 1), 4)],  # 2027 went by unpaid: three months and one more
        [(date(2028, 5, 2), 4)],
    ]
    infant = simulator.if_you_wait(
        simulator.Question(date(2026, 10, 10), date(2026, 11, 23)), policy, lambda day: day.weekday() < 5
    )
    assert {o.dates.waiting_months for one in infant for o in one.outcomes if o.window == "collection"} == {0}
    lapse = simulator.lapse(2027, policy)
    assert (lapse.year, lapse.pay_until, lapse.late_until) == (2028, date(2027, 12, 31), date(2028, 6, 30))
    assert lapse.waiting_months == 3
    assert simulator.lapse(2027, given_policy("zhongshan")[0]).late_until is None
    assert simulator.lapse(2027, policy, "DIBAO").waiting_months == 0
    assert simulator.lapse(2027, policy, "DIBAO_MARGINAL").waiting_months == 3


SETTINGS = [
    {"collection_period": {"from": "09-01", "until": "12-31"}, "late_window_until": "06-30"},
    {"collection_period": {"from": "09-01", "until": "12-31"}, "first_gap_year_adds": False},
    {"collection_period": {"from": "09-15", "until": "02-29"}, "late_window_until": "12-31"},
]


@given(
    st.sampled_from(SETTINGS),
    st.dates(date(2024, 1, 1), date(2030, 12, 31)),
    st.integers(0, 200),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_whoever_pays_earlier_or_missed_less_is_never_covered_later(settings, pay_on, days, missed, repaid):
    """N21: any adult, any day: on a window that is open, after the day of payment, never ahead of an earlier payer."""
    policy = Policy("450300", pay_on, {"rules": {"setting": settings | {"waiting_exempt": ["DIBAO"]}}, "sources": {}})

    def found(on, **rest):
        asked = simulator.Question(ADULT, on, **rest)
        return {one.year: one for one in simulator.outcomes(asked, policy, lambda day: day.weekday() < 5)}

    asked = {"missed_years": missed, "repaid_years": min(missed, repaid)}
    now, later = found(pay_on, **asked), found(date.fromordinal(pay_on.toordinal() + days), **asked)
    for year, one in now.items():
        assert one.dates.benefits_from > pay_on
        assert one.dates.benefits_from >= date(year, 1, 1)
        assert pay_on <= one.pay_until
        assert (one.window == "collection" and not missed) <= (one.dates.waiting_months == 0)
        assert found(pay_on, category="DIBAO", **asked)[year].dates.waiting_months == 0
        if missed:
            less = found(pay_on, missed_years=missed - 1, repaid_years=min(missed - 1, asked["repaid_years"]))
            assert less[year].dates.benefits_from <= one.dates.benefits_from
        if missed >= 4:
            assert one.dates.waiting_months >= 6
        if year in later:
            assert one.dates.benefits_from <= later[year].dates.benefits_from


RATES = coordination.Rates(
    average_wage_fen=700_000,
    floor_percent=60,
    cap_percent=300,
    unit_rate=700,
    individual_rate=200,
    flexible_rate=880,
    due_day=25,
)


@pytest.mark.parametrize(
    ("wage_fen", "employment", "expected"),
    [
        (500_000, Employment.UNIT, (500_000, 10_000, 35_000)),
        (500_001, Employment.UNIT, (500_001, 10_000, 35_000)),
        (500_025, Employment.UNIT, (500_025, 10_001, 35_002)),
        (100_000, Employment.UNIT, (420_000, 8_400, 29_400)),
        (419_999, Employment.UNIT, (420_000, 8_400, 29_400)),
        (99_999_900, Employment.UNIT, (2_100_000, 42_000, 147_000)),
        (500_000, Employment.FLEXIBLE, (500_000, 44_000, 0)),
        (100_000, Employment.FLEXIBLE, (420_000, 36_960, 0)),
    ],
)
def test_both_parts_are_computed_to_the_fen_within_the_bounds_of_the_base(wage_fen, employment, expected):
    """C2, S3-02: 60 to 300 per cent of the average wage, halves of a fen go up, no unit part when flexible."""
    found = coordination.parts(wage_fen, employment, RATES)
    assert (found.base_fen, found.individual_fen, found.unit_fen) == expected
    assert found.total_fen == found.individual_fen + found.unit_fen


@given(wage=st.integers(0, 10**10), more=st.integers(0, 10**8))
def test_a_higher_wage_never_costs_less(wage, more):
    """C2: the contribution grows with the wage and stays within the bounds."""
    for employment in Employment:
        low, high = (coordination.parts(one, employment, RATES) for one in (wage, wage + more))
        assert low.individual_fen <= high.individual_fen
        assert low.unit_fen <= high.unit_fen
        assert RATES.floor_fen <= low.base_fen <= RATES.cap_fen


@pytest.mark.parametrize(
    ("hired_on", "today", "left"),
    [
        (date(2026, 11, 1), date(2026, 11, 1), 30),
        (date(2026, 11, 1), date(2026, 12, 1), 0),
        (date(2026, 11, 1), date(2026, 12, 2), -1),
        (date(2028, 1, 31), date(2028, 3, 1), 0),
    ],
)
def test_the_employer_has_thirty_days_from_hiring(hired_on, today, left):
    """C3, S2-10: the day of hiring is not counted."""
    assert coordination.employer_days_left(hired_on, today) == left


@pytest.mark.parametrize(
    ("employment", "hired_on", "accepted_on", "first"),
    [
        (Employment.UNIT, date(2026, 11, 9), date(2026, 11, 23), date(2026, 11, 1)),
        (Employment.UNIT, date(2026, 8, 31), date(2026, 11, 23), date(2026, 8, 1)),
        (Employment.UNIT, date(2020, 1, 1), date(2026, 11, 23), date(2025, 12, 1)),
        (Employment.FLEXIBLE, None, date(2026, 11, 23), date(2026, 11, 1)),
    ],
)
def test_contributions_run_from_the_month_of_hiring_at_most_a_year_back(employment, hired_on, accepted_on, first):
    """C3: flexibly employed persons from the month of acceptance."""
    assert coordination.first_month(employment, hired_on, accepted_on) == first


@pytest.mark.parametrize(
    ("month", "accepted_on", "due_on"),
    [
        (date(2026, 12, 1), date(2026, 11, 23), date(2026, 12, 25)),
        (date(2026, 11, 1), date(2026, 11, 23), date(2026, 11, 25)),
        (date(2026, 11, 1), date(2026, 11, 25), date(2026, 12, 10)),
        (date(2026, 8, 1), date(2026, 11, 23), date(2026, 12, 8)),
    ],
)
def test_months_before_the_acceptance_get_fifteen_days(month, accepted_on, due_on):
    """C3, S3-09: nobody is in arrears on the day of acceptance."""
    assert coordination.due_day(month, RATES, accepted_on) == due_on


@pytest.mark.django_db
@pytest.mark.parametrize("flexible", [True, False])
@pytest.mark.parametrize("costs", [True, False])
@pytest.mark.parametrize("dependants", [True, False])
def test_the_five_kinds_of_material_with_their_alternatives(flexible, costs, dependants, regions):
    """C1, S3-04, S3-05, S3-06, S3-07, S3-08, N15: the truth table; spouse, children and costs only where they apply."""
    policy, _region = given_policy("guilin")
    told = {"dependants": dependants, "medical_costs": costs, "flexible": flexible}
    kinds: dict[int, list[set[str]]] = {}
    for kind, rule in coordination.papers(policy, told):
        kinds.setdefault(kind, []).append({rule.code})
    employment = {"EMPLOYMENT_PROOF", "LABOUR_CONTRACT"} | ({"FLEXIBLE_STATEMENT"} if flexible else set())
    assert {code for entry in kinds[1] for code in entry} == {"ID_CARD"} | (
        {"SPOUSE_CHILDREN_ID"} if dependants else set()
    )
    assert {code for entry in kinds[2] for code in entry} == {"HOUSEHOLD_REGISTER", "RESIDENCE_PROOF"}
    assert {code for entry in kinds[3] for code in entry} == employment
    assert {code for entry in kinds[4] for code in entry} == {"INSURANCE_PROOF", "SOCIAL_SECURITY_CARD"}
    assert (5 in kinds) is costs
    rules = [rule for _kind, rule in coordination.papers(policy, told)]
    one_of_each = {"ID_CARD", "RESIDENCE_PROOF", "LABOUR_CONTRACT", "SOCIAL_SECURITY_CARD"}
    one_of_each |= ({"SPOUSE_CHILDREN_ID"} if dependants else set()) | (
        {"OUTPATIENT_RECORDS", "HOSPITAL_RECORDS"} if costs else set()
    )
    assert materials.outstanding(rules, one_of_each) == []
    for code in one_of_each:
        assert len(materials.outstanding(rules, one_of_each - {code})) == 1
    for document, card in (("TW_TRAVEL_PERMIT", "HMT_PERMIT"), ("FOREIGN_PR_ID", "FOREIGN_PR_CARD")):
        papers = coordination.papers(policy, told | {"document": document})
        assert {rule.code for kind, rule in papers if kind == 1} - {"SPOUSE_CHILDREN_ID"} == {card}


@given(st.dates(date(1900, 1, 1), date(2030, 12, 31)), st.integers(0, 120))
def test_the_day_of_an_age_is_the_first_day_of_that_age(born, age):
    """A1: one rule for birthdays, 29 February with it."""
    day = birthday(born, age)
    assert age_on(born, day) == age
    assert age == 0 or age_on(born, date.fromordinal(day.toordinal() - 1)) == age - 1


def test_somebody_born_on_29_february_comes_of_age_on_1_march():
    """A1: in common years."""
    assert birthday(date(2008, 2, 29), 18) == date(2026, 3, 1)
    assert birthday(date(2008, 2, 29), 16) == date(2024, 2, 29)


def person(**fields):
    return Resident(**{"name": "测试", "level": Level.VERIFIED, "hukou_region_code": "450302"} | fields)


@pytest.mark.parametrize(
    ("resident", "category", "answered"),
    [
        (person(), "", ["HOUSEHOLD_REGISTER"]),
        (person(level=Level.SELF_DECLARED), "", []),
        (person(hukou_region_code=""), "", []),
        (person(assistance_category="DIBAO"), "DIBAO", ["HOUSEHOLD_REGISTER", "ASSISTANCE_CERTIFICATE"]),
        (person(assistance_category="DIBAO"), "ORPHAN", ["HOUSEHOLD_REGISTER"]),
        (person(), "DIBAO", ["HOUSEHOLD_REGISTER"]),
        (None, "DIBAO", []),
    ],
)
def test_a_paper_is_waived_only_when_the_answer_fits_what_was_told(resident, category, answered):
    """N15, UX-R11: the population register and the lists of civil affairs."""
    settings = {"sharing.answers": ["HOUSEHOLD_REGISTER", "ASSISTANCE_CERTIFICATE"]}
    policy = Policy("450300", date(2026, 11, 23), {"rules": {"setting": settings}, "sources": {}})
    assert sharing.answered(resident, category, policy) == answered
    silent = Policy("450300", date(2026, 11, 23), {"rules": {"setting": {}}, "sources": {}})
    assert sharing.answered(resident, category, silent) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "birth_on", "assistance", "words"),
    [
        (Status.LOCAL_HUKOU, date(2026, 10, 10), "", "从出生之日起"),
        (Status.STUDENT, date(2008, 1, 1), "", "学校所在地"),
        (Status.HMT_RESIDENT, date(1980, 1, 1), "", "18位号码的居住证"),
        (Status.FOREIGN_PERMANENT, date(1980, 1, 1), "", "外国人永久居留身份证"),
        (Status.RESIDENCE_PERMIT, date(1980, 1, 1), "", "持居住证"),
        (Status.LOCAL_HUKOU, date(1980, 1, 1), "DIBAO", "名单上有的不用带证明"),
        (Status.LOCAL_HUKOU, date(1980, 1, 1), "DIBAO", "没有待遇等待期"),
    ],
)
def test_every_group_reads_what_concerns_it(status, birth_on, assistance, words, regions):
    """A1, S1-14, S1-22, DOMAIN §6: newborn, student, Hong Kong, Macao, Taiwan, foreign, assisted; all may join."""
    policy, region = given_policy("guilin")
    facts = eligibility.Facts(birth_on, date(2026, 11, 23), status, OtherCover.NONE, True)
    assert eligibility.check(facts, policy).eligible
    until = terms.newborn_until(birth_on, region, policy)
    assert any(words in str(note) for note in eligibility.notes(facts, policy, until, assistance))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("place", "age", "category", "school", "fen"),
    [
        ("nanchang", 20, "", "tertiary", 0),
        ("nanchang", 20, "", "k12", None),
        ("nanchang", 70, "", "", 0),
        ("nanchang", 69, "", "", None),
        ("guilin", 20, "", "tertiary", 40_000),
        ("guilin", 40, "DIBAO", "", 16_000),
        ("zhongshan", 40, "DIBAO", "", 0),
    ],
)
def test_assisted_groups_pay_what_their_region_says(place, age, category, school, fen, regions):
    """S0-09, DOMAIN §9: students of colleges and people of 70 are paid for in Nanchang, whatever the amount will be."""
    policy, _region = given_policy(place)
    assert terms.premium(policy, 2027, category, age, school).amount_fen == fen


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"foreign": True}, "FOREIGN_PR_CARD PHOTO ENROLMENT_FORM"),
        ({"foreign": True, "agent": True}, "FOREIGN_PR_CARD AGENT_ID POWER_OF_ATTORNEY PHOTO ENROLMENT_FORM"),
        ({"hmt": True, "guardian": True, "age": 9}, "HMT_PERMIT GUARDIAN_ID PHOTO ENROLMENT_FORM"),
        (
            {"student": True, "guardian": True, "age": 9, "listed_by_school": True, "has_id_card": True},
            "ID_CARD GUARDIAN_ID PHOTO SCHOOL_LIST",
        ),
        (
            {"student": True, "guardian": True, "age": 9, "listed_by_school": True, "has_id_card": False},
            "HOUSEHOLD_REGISTER GUARDIAN_ID PHOTO SCHOOL_LIST",
        ),
        (
            {"student": True, "has_id_card": False, "cardless": True},
            "HOUSEHOLD_REGISTER PHOTO SCHOOL_LIST STUDENT_PROOF",
        ),
        (
            {"student": True, "document": "TW_TRAVEL_PERMIT", "has_id_card": False, "listed_by_school": True},
            "HMT_PERMIT PHOTO SCHOOL_LIST",
        ),
        (
            {"student": True, "document": "FOREIGN_PR_ID", "has_id_card": False, "listed_by_school": True},
            "FOREIGN_PR_CARD PHOTO SCHOOL_LIST",
        ),
        (
            {"student": True, "category": "DIBAO", "has_id_card": True, "listed_by_school": True},
            "ID_CARD PHOTO SCHOOL_LIST ASSISTANCE_CERTIFICATE",
        ),
        ({"hmt": True, "category": "SEVERE_DISABILITY"}, "HMT_PERMIT PHOTO ENROLMENT_FORM ASSISTANCE_CERTIFICATE"),
        ({"foreign": True, "category": "DIBAO"}, "FOREIGN_PR_CARD PHOTO ENROLMENT_FORM ASSISTANCE_CERTIFICATE"),
        (
            {"age": 40, "category": "DIBAO", "local": False, "has_id_card": True},
            "ID_CARD HOUSEHOLD_REGISTER RESIDENCE_PERMIT PHOTO ENROLMENT_FORM ASSISTANCE_CERTIFICATE",
        ),
        (
            {"age": 9, "local": False, "has_id_card": False, "register_shows_relation": True},
            "HOUSEHOLD_REGISTER RESIDENCE_PERMIT GUARDIAN_ID PHOTO ENROLMENT_FORM",
        ),
        (
            {"age": 9, "category": "ORPHAN", "has_id_card": False, "register_shows_relation": True},
            "HOUSEHOLD_REGISTER GUARDIAN_ID PHOTO ENROLMENT_FORM ASSISTANCE_CERTIFICATE",
        ),
    ],
)
def test_groups_bring_the_papers_of_their_document_and_of_who_acts_for_them(facts, expected, regions):
    """N15, A10, DOMAIN §8: foreign permanent residents, minors with a school, a permit or assistance."""
    policy, _region = given_policy("nanchang")
    told = {"photo_on_file": False, **facts}
    found = policy.materials(materials.scenario_for(told), told)
    assert [rule.code for rule in found] == expected.split()


@pytest.mark.django_db
def test_every_material_says_what_it_looks_like(regions):
    """UX-R10, N15: in both languages, for every paper of the enrolment."""
    for place in PLACES:
        policy, _region = given_policy(place)
        for scenario in (
            "new_adult",
            "minor",
            "newborn",
            "non_local",
            "hmt",
            "foreign",
            "student",
            "assisted",
            "coordination",
        ):
            for rule in policy.materials(scenario):
                assert rule.looks.get("zh"), (scenario, rule.code)
                assert rule.looks.get("en"), (scenario, rule.code)
