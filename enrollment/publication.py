"""What a change of regional policy means for applications: whom it touches, and whom its publication wakes (N17)."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from enrollment.models import Application
from enrollment.states import State
from portal.jobs.nudge import nudge
from portal.regions import policy
from portal.regions.models import PolicyRule, RuleKind

PREMIUM = "premium."


def register() -> None:
    """Hangs both on the publication of policy; called once, when the apps are ready."""
    policy.impact_counters.append(touched)
    policy.on_publish.append(wake)


def touched(rule: PolicyRule) -> Sequence[tuple[str, int]]:
    """Applications a rule concerns: drafts not yet frozen, and for a premium those held for its amount."""
    here = Application.objects.filter(region__path__startswith=rule.region.path)
    found = [(_("Registration forms not submitted yet"), here.filter(state=State.DRAFT).count())]
    year = rule.key.removeprefix(PREMIUM)
    if rule.kind == RuleKind.FEE and year.isdigit():
        held = here.live().filter(premium_pending=True, cover_year=int(year))
        found.append((_("Applications waiting for this amount"), held.count()))
    return found


def wake(rule: PolicyRule) -> None:
    """Asks the worker to give held applications their amount; the periodic task does the same from the first day on."""
    if rule.kind == RuleKind.FEE:
        nudge("enrollment.tasks.price_held", queue="sweep")
