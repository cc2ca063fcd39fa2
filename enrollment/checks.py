"""The automatic checks of a submitted application: findings for the clerk, never a rejection."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from enrollment import terms
from enrollment.codes import OtherCover
from enrollment.eligibility import Effect
from enrollment.models import Application, CheckResult, Cover
from portal.people.identity import InvalidIdentityNumber, parse_identity_number
from portal.regions import calendar

CHECKS = {
    "identity": _("Identity number"),
    "age": _("Age"),
    "status": _("Ground of belonging"),
    "other_cover": _("No double cover"),
    "area": _("Area"),
    "materials": _("Materials"),
    "office": _("Responsible office"),
}

REASONS = {
    "": _("Nothing found."),
    "invalid": _("The identity number cannot exist. Compare it with the paper."),
    "region_code_unknown": _("The area code of the identity number is not in the tables. Compare it with the paper."),
    "birth_differs": _("The date of birth typed differs from the one in the identity number."),
    "guardian": _("A minor: check that the applicant is a parent or guardian."),
    "refused": _("By the answers given this condition is not met. Read the answers."),
    "employee_insured": _("The employees' scheme knows this person as insured."),
    "already_covered": _("This person already has cover for the year."),
    "not_local": _("The person says they do not live in the area."),
    "none_listed": _("The region lists no materials for this case."),
    "routed_to_county": _("No office was chosen; the county centre answers."),
}


def run(pks: Sequence[UUID], at: datetime) -> None:
    """Writes the results of every check for a batch of applications with a constant number of statements."""
    rows = list(
        Application.objects.filter(pk__in=pks)
        .select_related("beneficiary", "region", "office", "policy")
        .prefetch_related("materials")
    )
    people = [row.beneficiary_id for row in rows]
    covered = set(Cover.objects.standing().filter(person__in=people).values_list("person_id", "cover_year"))
    results = [
        CheckResult(application=row, code=code, outcome=_outcome(reason), reason_code=reason, at=at)
        for row in rows
        for code, reason in _findings(row, covered, at)
    ]
    CheckResult.objects.bulk_create(results, batch_size=500, ignore_conflicts=True)


def _outcome(reason: str) -> str:
    return CheckResult.Outcome.FINDING if reason else CheckResult.Outcome.PASSED


def _findings(row: Application, covered: set[tuple[UUID, int]], at: datetime) -> Iterable[tuple[str, str]]:
    facts = row.facts
    verdict = {found.code: found for found in terms.verdict(facts, row.policy.policy, calendar.local_date(at)).findings}
    yield "identity", _identity(row)
    age = verdict["age"].effect
    yield "age", {Effect.GUARDIAN: "guardian", Effect.REFUSED: "refused"}.get(age, "")
    yield "status", "refused" if verdict["status"].effect is Effect.REFUSED else ""
    yield "other_cover", _other_cover(row, covered)
    yield "area", "" if facts["in_area"] else "not_local"
    yield "materials", "" if row.materials.all() else "none_listed"
    yield "office", "" if row.answers.get("office", {}).get("office") else "routed_to_county"


def _identity(row: Application) -> str:
    person = row.beneficiary
    try:
        number = parse_identity_number(person.identity_number, person.id_kind)
    except InvalidIdentityNumber:
        return "invalid"
    if number.birth_date and number.birth_date.isoformat() != row.facts["birth_on"]:
        return "birth_differs"
    return str(number.warnings[0]) if number.warnings else ""


def _other_cover(row: Application, covered: set[tuple[UUID, int]]) -> str:
    if row.beneficiary.employee_insured:
        return "employee_insured"
    if (row.beneficiary_id, row.cover_year) in covered:
        return "already_covered"
    return "refused" if row.facts["other_cover"] != OtherCover.NONE else ""
