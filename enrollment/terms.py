"""What an application is decided and paid by: the facts told, and the region's terms on the day of submission."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from enrollment import cover, eligibility, sharing
from enrollment.codes import ForWhom, OtherCover, RegisterEntry, School, Status
from enrollment.models import Application
from portal.people.identity import IdentityKind, age_on
from portal.people.models import Resident
from portal.regions import calendar, materials
from portal.regions.materials import MaterialRule
from portal.regions.models import Region
from portal.regions.policy_values import Fee, Policy

STUDENT_TERTIARY = "STUDENT_TERTIARY"


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


def guardian_age(person: Resident, policy: Policy, on: date) -> int | None:
    """The age under which a guardian applies, for somebody who has not reached it; None for everybody else (S1-15)."""
    alone = int(policy.setting("self_application_age", 16))
    return alone if person.birth_date is not None and age_on(person.birth_date, on) < alone else None


def window_now(application: Application, on: date) -> cover.OpenYear | None:
    """The window that a payment on a day falls into for a submitted application; None outside of all."""
    if application.policy is None:
        return None
    birth_on = date.fromisoformat(application.facts["birth_on"])
    found = open_years(on, birth_on, application.region, application.policy.policy)
    return next((option for option in found if option.year == application.cover_year), None)


def newborn_years(person: Resident, region: Region, policy: Policy, on: date) -> list[cover.OpenYear]:
    """The years a newborn can still be covered for from birth."""
    found = open_years(on, person.birth_date, region, policy) if person.birth_date else []
    return [option for option in found if option.window == cover.Window.NEWBORN]


def facts_of(application: Application, policy: Policy, on: date) -> dict[str, Any]:
    """The facts that rules look at, codes only, from what was answered and what the portal knows of the person."""
    answers = application.answers
    person, told = answers.get("person", {}), answers.get("cover", {})
    birth_on = date.fromisoformat(person["birth_on"])
    status = told.get("status", "")
    assistance = answers.get("assistance", {}).get("assistance", "none")
    category = "" if assistance == "none" else assistance
    return {
        "age": age_on(birth_on, on),
        "birth_on": birth_on.isoformat(),
        "newborn": on <= newborn_until(birth_on, application.region, policy),
        "local": status == Status.LOCAL_HUKOU,
        "hmt": status == Status.HMT_RESIDENT,
        "foreign": status == Status.FOREIGN_PERMANENT,
        "student": status == Status.STUDENT,
        "school": told.get("school", "") if status == Status.STUDENT else "",
        "category": category,
        "agent": application.for_whom == ForWhom.FAMILY,
        "guardian": application.for_whom == ForWhom.CHILD,
        "shared": sharing.answered(application.beneficiary, category, policy),
        "has_id_card": person.get("has_id_card", False),
        **_document(application, has_card=person.get("has_id_card", False)),
        "photo_on_file": bool(application.beneficiary and application.beneficiary.police_photo),
        "self_application_age": int(policy.setting("self_application_age", 16)),
        "status": status,
        "other_cover": told.get("other_cover", OtherCover.NONE),
        "missed_years": told.get("missed_years", 0),
        "in_area": answers.get("contact", {}).get("in_area", True),
        **_told_of_papers(answers),
    }


def _document(application: Application, *, has_card: bool) -> dict[str, Any]:
    """The kind of identity document on file, and whether somebody who could have an identity card has none."""
    kind = application.beneficiary.id_kind if application.beneficiary else IdentityKind.RESIDENT_ID
    return {"document": str(kind), "cardless": kind == IdentityKind.RESIDENT_ID and not has_card}


def _told_of_papers(answers: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """Facts on which single papers hang; one that nobody has spoken of is left out and the paper stays conditional."""
    found: dict[str, bool] = {}
    for section, name in (("contact", "lives_at_hukou"), ("cover", "listed_by_school")):
        if isinstance(value := answers.get(section, {}).get(name), bool):
            found[name] = value
    if register := answers.get("person", {}).get("register"):
        found["register_shows_relation"] = register == RegisterEntry.SHOWS_RELATION
        found["in_register"] = register != RegisterEntry.NOT_YET
    return found


def terms_of(facts: dict[str, Any], policy: Policy, cover_year: int) -> Terms:
    """The materials and the premium that follow from facts and policy."""
    scenario = materials.scenario_for(facts)
    birth_on = date.fromisoformat(facts["birth_on"])
    new_year = max(date(cover_year, 1, 1), birth_on)
    fee = premium(policy, cover_year, facts["category"], age_on(birth_on, new_year), facts.get("school", ""))
    return Terms(scenario, facts, policy.materials(scenario, facts), fee)


def premium(policy: Policy, cover_year: int, category: str, age: int, school: str = "") -> Fee:
    """What a person pays for a year; students of colleges have a group of their own where the region has one."""
    fee = policy.fee("premium", cover_year=cover_year, category=category, age=age)
    if school != School.TERTIARY:
        return fee
    as_student = policy.fee("premium", cover_year=cover_year, category=STUDENT_TERTIARY, age=age)
    return min(as_student, fee, key=lambda one: (one.amount_fen is None, one.amount_fen or 0))


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
