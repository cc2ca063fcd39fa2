"""Who may join a region's scheme: plain facts and a policy in, findings with reasons out.

The three conditions are S1-14 to S1-16. Age has two settings: `self_application_age` is the age from which a person
applies alone (below it the answer is "through a guardian", never a refusal: Civil Code 19, 20, 27), `minimum_age` is a
true gate where a region has one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from enrollment.codes import OtherCover, Status
from portal.design.text import format_day
from portal.people.identity import age_on
from portal.people.models import AssistanceCategory
from portal.regions.policy_values import Policy


class Effect(StrEnum):
    """What a finding means for the application."""

    PASSED = "passed"
    GUARDIAN = "guardian"
    REFUSED = "refused"


@dataclass(frozen=True)
class Facts:
    """What is known of one person on one day."""

    birth_on: date
    on: date
    status: str
    other_cover: str
    in_area: bool


@dataclass(frozen=True)
class Finding:
    """The outcome of one rule; `reason` tells the resident why, `advice` what can be done."""

    code: str
    effect: Effect
    reason: str | Promise
    advice: str | Promise = ""


@dataclass(frozen=True)
class Verdict:
    """All findings for one person, one per rule, in the order of the rules."""

    findings: tuple[Finding, ...]

    @property
    def eligible(self) -> bool:
        return not self.refusals

    @property
    def refusals(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.effect is Effect.REFUSED]

    @property
    def through_guardian(self) -> bool:
        return any(finding.effect is Effect.GUARDIAN for finding in self.findings)


def check(facts: Facts, policy: Policy) -> Verdict:
    """Applies every rule of the region to the facts; a failed rule never hides another."""
    return Verdict((_status(facts, policy), _age(facts, policy), _other_cover(facts), _area(facts)))


def notes(facts: Facts, policy: Policy, newborn_until: date, assistance: str = "") -> list[str | Promise]:
    """What the groups a person belongs to should know beside the conditions: their way in, their window, their help."""
    found: list[str | Promise] = []
    if facts.birth_on <= facts.on <= newborn_until:
        found.append(
            _("A newborn who is registered and paid for by %(day)s is covered from birth, with no waiting period.")
            % {"day": format_day(newborn_until)}
        )
    if facts.status == Status.STUDENT:
        found.append(
            _(
                "Pupils and students join where the school is, wherever their home is. The school hands in a list;"
                " who is not on it applies here. Cover in the home region has to end first."
            )
        )
    if facts.status == Status.HMT_RESIDENT:
        found.append(
            _(
                "Residents of Hong Kong, Macao and Taiwan need the 18-digit residence permit. With a job here you join"
                " the employees' scheme through the employer instead."
            )
        )
    if facts.status == Status.FOREIGN_PERMANENT:
        found.append(
            _(
                "The permanent residence card is the identity document, of 2017 or of 2023. With a job here you join"
                " the employees' scheme through the employer instead."
            )
        )
    if facts.status == Status.RESIDENCE_PERMIT:
        found.append(_("With a residence permit you pay the same premium as residents of this area."))
    if assistance:
        label = AssistanceCategory(assistance).label
        exempt = assistance in policy.setting("waiting_exempt", [])
        text = _("%(group)s: the authority's list is asked first; no certificate if the name is on it.")
        found.append(text % {"group": label})
        if exempt:
            found.append(_("This group has no waiting period."))
    return found


def _status(facts: Facts, policy: Policy) -> Finding:
    accepted: Iterable[str] = policy.setting(
        "accepted_statuses", [code for code in Status.values if code != Status.NONE]
    )
    if facts.status in accepted:
        return Finding("status", Effect.PASSED, _("Resident of this area by register, permit, school or card."))
    if facts.status == Status.NONE:
        return Finding(
            "status",
            Effect.REFUSED,
            _("Only people with a household register, residence permit, school or permanent card here can join."),
            _("Apply for a residence permit first, or join where the household register is kept."),
        )
    return Finding(
        "status",
        Effect.REFUSED,
        _("This region does not register people on this ground."),
        _("Ask the medical insurance centre which scheme is open to you."),
    )


def _age(facts: Facts, policy: Policy) -> Finding:
    age = age_on(facts.birth_on, facts.on)
    minimum = int(policy.setting("minimum_age", 0))
    alone = int(policy.setting("self_application_age", 16))
    if age < minimum:
        return Finding(
            "age",
            Effect.REFUSED,
            _("The scheme of this region starts at the age of %(age)s.") % {"age": minimum},
            _("Apply again from the birthday on which that age is reached."),
        )
    if age < alone:
        return Finding(
            "age",
            Effect.GUARDIAN,
            _("Under %(age)s: a parent or guardian applies for the child.") % {"age": alone},
            _("The parent or guardian signs in and chooses “my child”."),
        )
    return Finding("age", Effect.PASSED, _("Old enough to apply alone."))


def _other_cover(facts: Facts) -> Finding:
    if facts.other_cover == OtherCover.EMPLOYEE:
        return Finding(
            "other_cover",
            Effect.REFUSED,
            _("Somebody covered by the employees' scheme cannot join the residents' scheme at the same time."),
            _("When that cover has ended, apply again with the proof of its end. Nobody is insured twice."),
        )
    if facts.other_cover == OtherCover.OTHER_REGION:
        return Finding(
            "other_cover",
            Effect.REFUSED,
            _("Cover in two regions for the same year is not possible."),
            _("End the cover in the other region first, or stay there for this year."),
        )
    return Finding("other_cover", Effect.PASSED, _("No other social medical insurance."))


def _area(facts: Facts) -> Finding:
    if facts.in_area:
        return Finding("area", Effect.PASSED, _("Lives inside the area of this scheme."))
    return Finding(
        "area",
        Effect.REFUSED,
        _("The scheme covers people who live in this area."),
        _("Choose the region where the person lives."),
    )
