"""The employees' pooled scheme (“co-ordination”): both parts of the contribution, the employer's 30 days, arrears.

Plain rules over amounts, dates and a policy; the commands stand in `enrollment.coordination_services`. The scheme is
run by the agency and the tax authority: the portal computes, lists the papers, hands over, and keeps the months.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from enrollment.cover import add_months
from enrollment.models import Employment, Registration
from portal.regions.materials import MaterialRule
from portal.regions.policy_values import Policy

SCENARIO = "coordination"
WHOLE = 10_000
EMPLOYER_DAYS = 30
MOST_MONTHS_BACK = 12
GRACE_DAYS = 15
KINDS = {
    "ID_CARD": 1,
    "HMT_PERMIT": 1,
    "FOREIGN_PR_CARD": 1,
    "SPOUSE_CHILDREN_ID": 1,
    "HOUSEHOLD_REGISTER": 2,
    "RESIDENCE_PROOF": 2,
    "EMPLOYMENT_PROOF": 3,
    "LABOUR_CONTRACT": 3,
    "FLEXIBLE_STATEMENT": 3,
    "INSURANCE_PROOF": 4,
    "SOCIAL_SECURITY_CARD": 4,
    "OUTPATIENT_RECORDS": 5,
    "HOSPITAL_RECORDS": 5,
}
"""The five kinds of material: identity, household, employment, social security, medical expense (S3-04 to S3-08)."""


@dataclass(frozen=True)
class Rates:
    """A region's rates in hundredths of a per cent, its bounds of the base, and the day of the month to pay by."""

    average_wage_fen: int
    floor_percent: int
    cap_percent: int
    unit_rate: int
    individual_rate: int
    flexible_rate: int
    due_day: int

    @property
    def floor_fen(self) -> int:
        return share(self.average_wage_fen, self.floor_percent * 100)

    @property
    def cap_fen(self) -> int:
        return share(self.average_wage_fen, self.cap_percent * 100)


@dataclass(frozen=True)
class Parts:
    """One month's contribution: its base, what the person pays and what the employer pays, in fen (S3-02, C2)."""

    base_fen: int
    individual_fen: int
    unit_fen: int

    @property
    def total_fen(self) -> int:
        return self.individual_fen + self.unit_fen


def rates(policy: Policy) -> Rates:
    """The rates in force; raises PolicyGap where a region has none."""
    value: dict[str, Any] = policy.setting("coordination")
    return Rates(**{name: int(value[name]) for name in Rates.__dataclass_fields__})


def share(amount_fen: int, rate: int) -> int:
    """A share in hundredths of a per cent, rounded to the nearest fen, halves up."""
    return (amount_fen * rate + WHOLE // 2) // WHOLE


def parts(wage_fen: int, employment: str, at: Rates) -> Parts:
    """Both parts for a wage: the base is the wage within the bounds; flexibly employed persons pay all alone."""
    base = max(at.floor_fen, min(at.cap_fen, wage_fen))
    if employment == Employment.FLEXIBLE:
        return Parts(base, share(base, at.flexible_rate), 0)
    return Parts(base, share(base, at.individual_rate), share(base, at.unit_rate))


def employer_until(hired_on: date) -> date:
    """The last day on which an employer registers somebody in time; the day of hiring is not counted."""
    return hired_on + timedelta(days=EMPLOYER_DAYS)


def employer_days_left(hired_on: date, today: date) -> int:
    """Days until then; below zero the days it is over, and the agency assesses the contribution (S2-10)."""
    return (employer_until(hired_on) - today).days


def facts(row: Registration) -> dict[str, Any]:
    """What the papers solver looks at; the identity document is the one the person registered with (S3-04)."""
    return {
        "dependants": row.dependants,
        "medical_costs": row.medical_costs,
        "flexible": row.employment == Employment.FLEXIBLE,
        "document": row.resident.id_kind,
    }


def papers(policy: Policy, told: dict[str, Any]) -> list[tuple[int, MaterialRule]]:
    """The papers to bring, each with its kind from 1 to 5, in the order of the kinds (C1)."""
    rules = policy.materials(SCENARIO, told)
    return sorted(((KINDS.get(rule.code, 5), rule) for rule in rules), key=lambda pair: pair[0])


def first_month(employment: str, hired_on: date | None, accepted_on: date) -> date:
    """The month from which contributions run: of hiring, at most a year back; of acceptance for flexible employment."""
    month = accepted_on.replace(day=1)
    if employment == Employment.FLEXIBLE or hired_on is None:
        return month
    return max(min(hired_on.replace(day=1), month), add_months(month, 1 - MOST_MONTHS_BACK))


def due_day(month: date, at: Rates, accepted_on: date) -> date:
    """The last day to pay a month; months before the acceptance get fifteen days from it."""
    regular = month.replace(day=min(at.due_day, 28))
    return regular if regular > accepted_on else max(regular, accepted_on + timedelta(days=GRACE_DAYS))


def months(first: date, last: date) -> Iterable[date]:
    """The first days of the months from one to another, both included."""
    month = first
    while month <= last:
        yield month
        month = add_months(month, 1)
