"""The automatic checks of a submitted application: findings for the clerk, never a rejection."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from enrollment import terms
from enrollment.codes import OtherCover
from enrollment.eligibility import Effect
from enrollment.models import Application, ApplicationMaterial, CheckResult, Cover
from portal import prepared_writes
from portal.people.identity import InvalidIdentityNumber, parse_identity_number
from portal.prepared import Prepared
from portal.regions import calendar
from portal.regions.models import PolicySnapshot
from portal.regions.policy_values import Policy

CHECKS = {
    "identity": _("Identity number"),
    "age": _("Age"),
    "status": _("Ground of belonging"),
    "other_cover": _("No double cover"),
    "area": _("Area"),
    "materials": _("Materials"),
    "premium": _("Premium"),
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
    "premium_differs": _("Paid was another amount than follows from the answers. Settle the difference with finance."),
    "routed_to_county": _("No office was chosen; the county centre answers."),
}


def run(pks: Sequence[UUID], at: datetime) -> None:
    """Writes the results of every check for a batch of applications with a constant number of statements."""
    rows = _one(pks[0]) if len(pks) == 1 else list(_chosen().filter(pk__among=pks))
    PolicySnapshot.objects.fill([row.policy for row in rows if row.policy is not None])
    results = [
        CheckResult(application=row, code=code, outcome=_outcome(reason), reason_code=reason, at=at)
        for row in rows
        for code, reason in _findings(row, row.policy.policy, at)
    ]
    prepared_writes.insert(results, ignore_conflicts=True)


def _chosen() -> "QuerySet[Application]":
    """Applications with all that the checks look at."""
    cover = Cover.objects.standing().filter(person=OuterRef("beneficiary"), cover_year=OuterRef("cover_year"))
    paper = ApplicationMaterial.objects.filter(application=OuterRef("pk"))
    rows = Application.objects.select_related("beneficiary", "policy").defer("policy__data")
    return rows.annotate(is_covered=Exists(cover), has_materials=Exists(paper))


_one = Prepared(lambda pk: _chosen().filter(pk=pk), UUID)


def _outcome(reason: str) -> str:
    return CheckResult.Outcome.FINDING if reason else CheckResult.Outcome.PASSED


def _findings(row: Any, policy: Policy, at: datetime) -> Iterable[tuple[str, str]]:
    """Each check with its finding; `row` carries the annotations of `_chosen`."""
    facts = row.facts
    verdict = {found.code: found for found in terms.verdict(facts, policy, calendar.local_date(at)).findings}
    yield "identity", _identity(row)
    age = verdict["age"].effect
    yield "age", {Effect.GUARDIAN: "guardian", Effect.REFUSED: "refused"}.get(age, "")
    yield "status", "refused" if verdict["status"].effect is Effect.REFUSED else ""
    yield "other_cover", _other_cover(row)
    yield "area", "" if facts["in_area"] else "not_local"
    yield "materials", "" if row.has_materials else "none_listed"
    if row.paid_on is not None:
        yield "premium", _premium(row, policy)
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


def _premium(row: Any, policy: Policy) -> str:
    """Whether what was paid is what follows from the answers; an amount the frozen rules do not know says nothing."""
    amount_fen = terms.terms_of(row.facts, policy, row.cover_year).fee.amount_fen
    return "" if amount_fen in (None, row.payable_fen) else "premium_differs"


def _other_cover(row: Any) -> str:
    if row.beneficiary.employee_insured:
        return "employee_insured"
    if row.is_covered:
        return "already_covered"
    return "refused" if row.facts["other_cover"] != OtherCover.NONE else ""
