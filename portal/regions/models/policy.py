"""Effective-dated regional rules, inherited from the nation down, and the snapshots that cases keep."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.prepared import Prepared
from portal.regions.models import versions
from portal.regions.models.places import Region
from portal.regions.policy_values import Policy


class RuleKind(models.TextChoices):
    FEE = "fee", _("Fee")
    MATERIAL = "material", _("Material")
    TIME_LIMIT = "time_limit", _("Time limit")
    CHANNEL = "channel", _("Payment channel")
    SETTING = "setting", _("Setting")


class RuleState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    WITHDRAWN = "withdrawn", _("Withdrawn")


INHERIT = {"inherit": True}
"""The value of a rule that gives way to the region above."""


class PolicyRuleQuerySet(models.QuerySet["PolicyRule"]):
    def published(self) -> "PolicyRuleQuerySet":
        return self.filter(state=RuleState.PUBLISHED)

    def in_force(self, on: date) -> "PolicyRuleQuerySet":
        """Published and valid on the date; the last day is part of the span."""
        return self.published().filter(
            models.Q(valid_until__isnull=True) | models.Q(valid_until__gte=on), valid_from__lte=on
        )

    def overlapping(self, rule: "PolicyRule") -> "PolicyRuleQuerySet":
        """Published rules of the same region, kind and key that share a day with `rule`."""
        others = self.published().filter(region=rule.region_id, kind=rule.kind, key=rule.key).exclude(pk=rule.pk)
        others = others.filter(models.Q(valid_until__isnull=True) | models.Q(valid_until__gte=rule.valid_from))
        return others.filter(valid_from__lte=rule.valid_until) if rule.valid_until else others

    def merged(self, region: Region, on: date) -> dict[str, Any]:
        """The rules of the region on the date as policy data: nearer regions override those above."""
        depth = {code: index for index, code in enumerate(region.codes)}
        rows = self.in_force(on).filter(region__code__in=region.codes)
        found = sorted(rows.values_list("region__code", "kind", "key", "value"), key=lambda row: depth[row[0]])
        rules: dict[str, dict[str, Any]] = {}
        sources: dict[str, str] = {}
        for code, kind, key, value in found:
            if value != INHERIT:
                rules.setdefault(kind, {})[key] = value
                sources[f"{kind}/{key}"] = code
        return {"region": region.code, "rules": rules, "sources": sources}


class PolicyRule(models.Model):
    """One rule of one region over a span of days; drafted by one admin and published by another."""

    class Origin(models.TextChoices):
        FIXTURE = "fixture", _("Fixture")
        ADMIN = "admin", _("Admin")

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="policy_rules")
    kind = models.CharField(max_length=12, choices=RuleKind.choices)
    key = models.CharField(max_length=80)
    value = models.JSONField()
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=RuleState.choices, default=RuleState.DRAFT)
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.ADMIN)
    # Plain ids of people.User: accounts stand above regions.
    drafted_by = models.BigIntegerField(null=True, blank=True)
    drafted_at = models.DateTimeField(auto_now_add=True)
    published_by = models.BigIntegerField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.BigIntegerField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    note = models.CharField(max_length=300, blank=True)

    objects = PolicyRuleQuerySet.as_manager()

    class Meta:
        ordering = ["region", "kind", "key", "valid_from"]
        indexes = [
            models.Index(fields=["region", "kind", "key", "valid_from"], name="regions_rule_lookup"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=RuleKind.values), name="regions_rule_kind_known"),
            models.CheckConstraint(condition=models.Q(state__in=RuleState.values), name="regions_rule_state_known"),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True) | models.Q(valid_until__gte=models.F("valid_from")),
                name="regions_rule_span_in_order",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="published", origin="admin")
                | (models.Q(published_by__isnull=False) & ~models.Q(published_by=models.F("drafted_by"))),
                name="regions_rule_published_by_second_admin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.region_id} {self.kind} {self.key} {self.valid_from}"

    @property
    def inherits(self) -> bool:
        return bool(self.value == INHERIT)


HELD_POLICIES = 512
_held: OrderedDict[tuple[str, date], Policy] = OrderedDict()
_held_token = ""
_digests: dict[tuple[str, date], str] = {}
_contents: OrderedDict[str, dict[str, Any]] = OrderedDict()
"""What snapshots hold, by digest: equal digests are equal contents, whatever row they stand in."""


def resolve(region: Region, on: date) -> Policy:
    """The policy of a region on a date, from memory while the version of the rules is unchanged."""
    global _held, _held_token
    token = versions.current(versions.POLICY).token
    if token != _held_token or not token:
        _held, _held_token = OrderedDict(), token
        _digests.clear()
    held, key = _held, (region.path, on)
    found = held.get(key)
    if found is None:
        found = held[key] = Policy(region_code=region.code, on=on, data=PolicyRule.objects.merged(region, on))
        while len(held) > HELD_POLICIES:
            held.popitem(last=False)
    return found


def _digest(region: Region, on: date) -> str:
    """The name of the policy that `resolve` has just returned, worked out once while the rules are unchanged."""
    key = (region.path, on)
    if len(_digests) > HELD_POLICIES:
        _digests.clear()
    found = _digests.get(key)
    if found is None:
        found = _digests[key] = digest_of(_held[key].data)
    return found


def digest_of(data: Mapping[str, Any]) -> str:
    """The name of policy data by its content."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class PolicySnapshotManager(models.Manager["PolicySnapshot"]):
    def take(self, region: Region, on: date, known: "PolicySnapshot | None" = None) -> "PolicySnapshot":
        """Stores the policy of a date once per content, so that a case keeps it whatever changes later (H1).

        `known` is returned when it is the one: a case mostly meets the policy that it was begun under.
        """
        data, digest = resolve(region, on).data, _digest(region, on)
        if known is not None and (known.region_id, known.digest) == (region.pk, digest):
            known.data = data  # equal, and spares reading it where the caller left it out
            return known
        row, _created = self.get_or_create(region=region, digest=digest, defaults={"taken_on": on, "data": data})
        return row

    def read(self, pks: Collection[int]) -> "dict[int, PolicySnapshot]":
        """Snapshots by key, with their regions; contents this process has read before come from memory."""
        rows = _one_snapshot(next(iter(pks))) if len(pks) == 1 else list(_without_contents().filter(pk__in=pks))
        self.fill(rows)
        return {row.pk: row for row in rows}

    def fill(self, rows: "Sequence[PolicySnapshot]") -> None:
        """Gives snapshots that were read without their contents these contents."""
        missing = [row.pk for row in rows if row.digest not in _contents]
        if missing:
            for digest, data in self.filter(pk__in=missing).values_list("digest", "data"):
                _contents[digest] = data
        for row in rows:
            row.data = _contents[row.digest]
        while len(_contents) > HELD_POLICIES:
            _contents.popitem(last=False)


class PolicySnapshot(models.Model):
    """A policy frozen by content; equal rules on two days are one row, dated by the first."""

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="snapshots")
    taken_on = models.DateField()
    digest = models.CharField(max_length=64)
    data = models.JSONField()

    objects = PolicySnapshotManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["region", "digest"], name="regions_snapshot_once")]

    def __str__(self) -> str:
        return f"{self.region_id} {self.digest[:12]}"

    @property
    def policy(self) -> Policy:
        return Policy(region_code=self.data["region"], on=self.taken_on, data=self.data)


def _without_contents() -> "models.QuerySet[PolicySnapshot]":
    return PolicySnapshot.objects.select_related("region").defer("data")


_one_snapshot = Prepared(lambda pk: _without_contents().filter(pk=pk), int)
