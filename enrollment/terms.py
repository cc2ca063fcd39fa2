"""What an application is decided and paid by: the facts told, and the region's terms on the day of submission."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from enrollment import cover, eligibility
from enrollment.codes import ForWhom, OtherCover, Status
from enrollment.models import Application
from portal.people.identity import age_on
from portal.regions import calendar, materials
from portal.regions.materials import MaterialRule
from portal.regions.models import Region
from portal.regions.policy_values import Fee, Policy


@dataclass(frozen=True)
class Terms:
    """The list of materials and the premium for one person, region and cover year."""

    scenario: str
    facts: dict[str, Any]
    materials: list[MaterialRule]
    fee: Fee


def newborn_until(birth_on: date, region: Region, policy: Policy) -> date:
    """Last day of a newborn's window by the region's calendar."""
    return cover.newborn_window_until(birth_on, policy, lambda day: calendar.is_workday(day, region))


def open_years(on: date, birth_on: date, region: Region, policy: Policy) -> list[cover.OpenYear]:
    """Cover years a person can join today, by the region's calendar."""
    return cover.open_years(on, birth_on, policy, lambda day: calendar.is_workday(day, region))


def facts_of(application: Application, policy: Policy, on: date) -> dict[str, Any]:
    """The facts that rules look at, codes only, from what was answered and what the portal knows of the person."""
    answers = application.answers
    person, told = answers.get("person", {}), answers.get("cover", {})
    birth_on = date.fromisoformat(person["birth_on"])
    status = told.get("status", "")
    assistance = answers.get("assistance", {}).get("assistance", "none")
    return {
        "age": age_on(birth_on, on),
        "birth_on": birth_on.isoformat(),
        "newborn": on <= newborn_until(birth_on, application.region, policy),
        "local": status == Status.LOCAL_HUKOU,
        "hmt": status == Status.HMT_RESIDENT,
        "student": status == Status.STUDENT,
        "category": "" if assistance == "none" else assistance,
        "agent": application.for_whom == ForWhom.FAMILY,
        "has_id_card": person.get("has_id_card", False),
        "photo_on_file": bool(application.beneficiary and application.beneficiary.police_photo),
        "self_application_age": int(policy.setting("self_application_age", 16)),
        "status": status,
        "other_cover": told.get("other_cover", OtherCover.NONE),
        "missed_years": told.get("missed_years", 0),
        "in_area": answers.get("contact", {}).get("in_area", True),
    }


def terms_of(facts: dict[str, Any], policy: Policy, cover_year: int) -> Terms:
    """The materials and the premium that follow from facts and policy."""
    scenario = materials.scenario_for(facts)
    birth_on = date.fromisoformat(facts["birth_on"])
    new_year = max(date(cover_year, 1, 1), birth_on)
    fee = policy.fee("premium", cover_year=cover_year, category=facts["category"], age=age_on(birth_on, new_year))
    return Terms(scenario, facts, policy.materials(scenario, facts), fee)


def verdict(facts: dict[str, Any], policy: Policy, on: date) -> eligibility.Verdict:
    """Eligibility by the stored facts."""
    return eligibility.check(
        eligibility.Facts(
            birth_on=date.fromisoformat(facts["birth_on"]),
            on=on,
            status=facts["status"],
            other_cover=facts["other_cover"],
            in_area=facts["in_area"],
        ),
        policy,
    )
