"""What a corrected answer changes beside itself: the premium, the list of papers, and what the automatic checks say.

The rules stay those of the day of submission; only the facts they look at are new.
"""

from collections.abc import Callable, Iterable
from typing import Any

from enrollment import checks, terms
from enrollment.models import Application, ApplicationMaterial, CheckResult
from portal.regions import calendar
from portal.regions import policy as policies
from portal.regions.materials import MaterialRule
from portal.workflow.core import Batch


def follow(
    row: Application, papers: Callable[[Application, Iterable[MaterialRule]], list[ApplicationMaterial]]
) -> dict[str, Any]:
    """Brings papers in line with the corrected answers of a locked row; returns the columns to write.

    `papers` makes the rows of a list of materials.
    """
    policy, filed_on = row.policy.policy, row.submitted_on or calendar.today()
    found = terms.terms_of(terms.facts_of(row, policy, filed_on), policy, row.cover_year)
    list_papers(row, papers(row, found.materials))
    return columns(row, found)


def columns(row: Application, found: terms.Terms) -> dict[str, Any]:
    """The columns that follow from corrected facts; what is paid stays paid, and a difference is a finding."""
    facts = found.facts
    told = {"facts": facts, "category": facts["status"], "assistance": facts["category"], "scenario": found.scenario}
    if row.paid_on is not None:
        return told
    fee = found.fee
    if fee.pending and not row.premium_pending:
        # The amount was published after the submission: the rules in force have it, those frozen do not.
        fee = terms.terms_of(facts, policies.for_region(row.region), row.cover_year).fee
    return told | {"payable_fen": fee.amount_fen, "premium_pending": fee.pending}


def list_papers(row: Application, wanted: Iterable[ApplicationMaterial]) -> None:
    """Brings the list of papers in line with the facts: new ones are asked for, others no longer; the clerk's
    judgement of those that stay is kept.
    """
    asked = {material.code: material for material in wanted}
    standing = list(row.materials.all())
    changed = []
    for material in standing:
        one = asked.pop(material.code, None)
        before = (material.required, material.group, material.position, material.waived_by, material.judged)
        if one is not None:
            material.required, material.group, material.waived_by = one.required, one.group, one.waived_by
            material.position = one.position
        else:
            material.required = False
            if material.judged == ApplicationMaterial.Judgement.REFUSED:
                material.judged, material.refusal_code, material.refusal_text = "", "", ""
                material.seen_by, material.seen_at = None, None
        if before != (material.required, material.group, material.position, material.waived_by, material.judged):
            changed.append(material)
    ApplicationMaterial.objects.bulk_create(asked.values())
    judgement = ["judged", "seen_by", "seen_at", "refusal_code", "refusal_text"]
    ApplicationMaterial.objects.bulk_update(changed, ["required", "group", "position", "waived_by", *judgement])


def check_again(batch: Batch) -> None:
    """Runs the automatic checks anew over what was corrected; a finding that was put right is none any more."""
    CheckResult.objects.filter(application__in=batch.pks).delete()
    checks.run(batch.pks, batch.at)
