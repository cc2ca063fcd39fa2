"""Eligibility as tables: every combination of the four conditions, and the edges of age."""

from datetime import date
from itertools import product

import pytest

from enrollment.codes import OtherCover, Status
from enrollment.eligibility import Effect, Facts, check
from portal.people.identity import age_on
from portal.regions.policy_values import Policy

TODAY = date(2026, 11, 21)


def region(**settings):
    """A policy of plain settings."""
    return Policy(region_code="450300", on=TODAY, data={"rules": {"setting": settings}, "sources": {}})


GUILIN = region(self_application_age=16, minimum_age=0)
ADULTS_ONLY = region(self_application_age=16, minimum_age=16)


def facts(**changes):
    return Facts(
        **{
            "birth_on": date(1980, 5, 1),
            "on": TODAY,
            "status": Status.LOCAL_HUKOU,
            "other_cover": OtherCover.NONE,
            "in_area": True,
        }
        | changes
    )


@pytest.mark.parametrize(("status", "age", "cover", "area"), list(product([True, False], repeat=4)))
def test_each_failed_condition_is_named_and_no_other(status, age, cover, area):
    """A1, S1-14, S1-15, S1-16, S1-22: all 16 combinations."""
    verdict = check(
        facts(
            status=Status.LOCAL_HUKOU if status else Status.NONE,
            birth_on=date(1980, 5, 1) if age else date(2015, 5, 1),
            other_cover=OtherCover.NONE if cover else OtherCover.EMPLOYEE,
            in_area=area,
        ),
        ADULTS_ONLY,
    )
    expected = {
        code
        for code, passed in {"status": status, "age": age, "other_cover": cover, "area": area}.items()
        if not passed
    }
    assert {finding.code for finding in verdict.refusals} == expected
    assert verdict.eligible == (not expected)
    assert len({str(finding.reason) for finding in verdict.refusals}) == len(expected)
    assert all(finding.advice for finding in verdict.refusals)


@pytest.mark.parametrize(
    ("birth_on", "on", "age"),
    [
        (date(2010, 11, 22), date(2026, 11, 21), 15),
        (date(2010, 11, 21), date(2026, 11, 21), 16),
        (date(2010, 11, 20), date(2026, 11, 21), 16),
        (date(2008, 2, 29), date(2024, 2, 28), 15),
        (date(2008, 2, 29), date(2024, 2, 29), 16),
        (date(2008, 2, 29), date(2025, 2, 27), 16),
        (date(2008, 2, 29), date(2025, 2, 28), 16),
        (date(2008, 2, 29), date(2025, 3, 1), 17),
        (date(2026, 11, 21), date(2026, 11, 21), 0),
        (date(1926, 12, 31), date(2026, 12, 30), 99),
    ],
)
def test_age_changes_on_the_birthday(birth_on, on, age):
    """A1: the birthday counts as reached, and somebody born on 29 February gets older on 1 March of common years."""
    assert age_on(birth_on, on) == age


@pytest.mark.parametrize(
    ("birth_on", "effect"),
    [
        (date(2010, 11, 22), Effect.GUARDIAN),
        (date(2010, 11, 21), Effect.PASSED),
        (TODAY, Effect.GUARDIAN),
        (date(1936, 1, 1), Effect.PASSED),
    ],
)
def test_below_the_age_of_self_application_the_answer_is_a_guardian_and_never_a_refusal(birth_on, effect):
    """A1, S1-15: age 16 decides who signs, not who is insured."""
    verdict = check(facts(birth_on=birth_on), GUILIN)
    assert next(finding for finding in verdict.findings if finding.code == "age").effect is effect
    assert verdict.eligible
    assert verdict.through_guardian == (effect is Effect.GUARDIAN)


@pytest.mark.parametrize("status", [code for code in Status.values if code != Status.NONE])
def test_every_ground_of_belonging_is_accepted_unless_the_region_lists_fewer(status):
    """S1-14, S1-22."""
    assert check(facts(status=status), GUILIN).eligible
    narrow = region(accepted_statuses=[Status.LOCAL_HUKOU])
    assert check(facts(status=status), narrow).eligible == (status == Status.LOCAL_HUKOU)


def test_cover_in_another_region_has_its_own_reason():
    """S1-15: never two schemes or two regions."""
    employee = check(facts(other_cover=OtherCover.EMPLOYEE), GUILIN).refusals[0]
    elsewhere = check(facts(other_cover=OtherCover.OTHER_REGION), GUILIN).refusals[0]
    assert employee.reason != elsewhere.reason
