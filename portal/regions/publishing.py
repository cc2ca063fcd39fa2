"""A change of policy: drafted by one admin, published by another, never for the past, and taken back before its day."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal import audit
from portal.regions import calendar, policy
from portal.regions.access import may_change
from portal.regions.models import PolicyRule, Region, RegionLevel, RuleState, versions
from portal.regions.models.policy import INHERIT
from portal.regions.text import day_text


class PolicyRefused(Exception):
    """A change that the rules of publishing do not allow; `field` names what to correct, if anything."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def earliest_start() -> date:
    """The first day a change may begin: today, for the past cannot be edited."""
    return calendar.today()


@transaction.atomic
def draft_rule(
    *, region: Region, kind: str, key: str, value: Any, valid_from: date, actor: Any, note: str = ""
) -> PolicyRule:
    """Stores a change for a second admin to look at.

    Raises PermissionDenied outside the actor's subtree, PolicyRefused for a start in the past or on a day already
    taken.
    """
    if not may_change(actor, region):
        raise PermissionDenied
    rule = PolicyRule(
        region=region,
        kind=kind,
        key=key,
        value=value,
        valid_from=valid_from,
        drafted_by=actor.user_id,
        note=note,
    )
    _refuse_bad_start(rule)
    rule.save()
    audit.record("policy.drafted", actor, subject=rule, details=_facts(rule))
    return rule


@transaction.atomic
def publish(rule: PolicyRule, actor: Any) -> PolicyRule:
    """Puts a draft into force from its day on; the rule it follows ends the day before.

    Raises PermissionDenied outside the actor's subtree, PolicyRefused for the drafter, a stale draft or a taken day.
    """
    if not may_change(actor, rule.region):
        raise PermissionDenied
    if rule.drafted_by == actor.user_id:
        raise PolicyRefused(_("A second administrator has to publish this change: you drafted it yourself."))
    rule = _locked(rule)
    if rule.state != RuleState.DRAFT:
        raise PolicyRefused(_("This change is no longer a draft. Someone has already published or withdrawn it."))
    _refuse_bad_start(rule)
    former = PolicyRule.objects.overlapping(rule).first()
    try:
        if former is not None:
            former.valid_until, ended = rule.valid_from - timedelta(days=1), former.valid_until
            former.save(update_fields=["valid_until"])
            rule.supersedes, rule.valid_until = former, ended
        rule.state = RuleState.PUBLISHED
        rule.published_by, rule.published_at = actor.user_id, timezone.now()
        rule.save()
    except IntegrityError as error:
        raise PolicyRefused(_("Another rule is already published for these days."), "valid_from") from error
    _announce(rule)
    audit.record("policy.published", actor, subject=rule, details=_facts(rule))
    return rule


@transaction.atomic
def withdraw(rule: PolicyRule, actor: Any) -> PolicyRule:
    """Takes back a draft, or a published change before its day; the rule it would have followed goes on.

    Raises PermissionDenied outside the actor's subtree, PolicyRefused for a change already in force.
    """
    if not may_change(actor, rule.region):
        raise PermissionDenied
    rule = _locked(rule)
    if rule.state == RuleState.WITHDRAWN:
        raise PolicyRefused(_("This change is already withdrawn."))
    published = rule.state == RuleState.PUBLISHED
    if published and rule.valid_from <= calendar.today():
        raise PolicyRefused(_("This rule is already in force. Draft a new change to replace it."))
    rule.state = RuleState.WITHDRAWN
    rule.withdrawn_by, rule.withdrawn_at = actor.user_id, timezone.now()
    rule.save()
    former = rule.supersedes
    if published and former is not None and former.state == RuleState.PUBLISHED:
        former.valid_until = rule.valid_until
        former.save(update_fields=["valid_until"])
    if published:
        _announce(rule)
    audit.record("policy.withdrawn", actor, subject=rule, details=_facts(rule))
    return rule


def draft_rollback(rule: PolicyRule, *, valid_from: date, actor: Any) -> PolicyRule:
    """Drafts the return to what applied before a rule in force: the rule it followed, or that of the region above."""
    value = rule.supersedes.value if rule.supersedes is not None else INHERIT
    note = _("Back to the rule before %(day)s") % {"day": day_text(rule.valid_from)}
    return draft_rule(
        region=rule.region, kind=rule.kind, key=rule.key, value=value, valid_from=valid_from, actor=actor, note=note
    )


def impact(rule: PolicyRule) -> list[tuple[str, int]]:
    """Counts what a rule touches: the places that inherit it, and whatever the upper layers count (N17)."""
    return [(_("places that will follow it"), len(followers(rule))), *_counted(rule)]


def _counted(rule: PolicyRule) -> Sequence[tuple[str, int]]:
    return [pair for count in policy.impact_counters for pair in count(rule)]


def followers(rule: PolicyRule) -> list[Region]:
    """The regions that will live by the rule on its first day: the subtree without those that have a nearer rule."""
    nearer = PolicyRule.objects.in_force(rule.valid_from).filter(
        kind=rule.kind, key=rule.key, region__in=Region.objects.within(rule.region).exclude(level=RegionLevel.NATION)
    )
    shielded = tuple(
        nearer.exclude(region=rule.region_id).exclude(value=INHERIT).values_list("region__path", flat=True)
    )
    below = Region.objects.within(rule.region).filter(active=True).exclude(level=RegionLevel.NATION)
    return [place for place in below if not place.path.startswith(shielded)]


def _locked(rule: PolicyRule) -> PolicyRule:
    """Puts rival changes of one region in a row, and reads the rule as it is now."""
    list(Region.objects.select_for_update().filter(pk=rule.region_id).values_list("pk"))
    return PolicyRule.objects.select_related("region", "supersedes").get(pk=rule.pk)


def _refuse_bad_start(rule: PolicyRule) -> None:
    if rule.valid_from < earliest_start():
        raise PolicyRefused(_("The first day must not lie in the past. Choose today or a later day."), "valid_from")
    later = PolicyRule.objects.overlapping(rule).filter(valid_from__gte=rule.valid_from).first()
    if later is not None:
        message = _("A published change already begins on %(day)s. Withdraw it first, or choose a later day.")
        raise PolicyRefused(message % {"day": day_text(later.valid_from)}, "valid_from")


def _announce(rule: PolicyRule) -> None:
    versions.bump(versions.POLICY)
    for tell in policy.on_publish:
        tell(rule)


def _facts(rule: PolicyRule) -> dict[str, Any]:
    return {
        "region": rule.region.code,
        "kind": rule.kind,
        "key": rule.key,
        "valid_from": rule.valid_from.isoformat(),
        "valid_until": rule.valid_until.isoformat() if rule.valid_until else None,
        "supersedes": rule.supersedes_id,
    }
