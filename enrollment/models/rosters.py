"""Rosters of villages and neighbourhoods: the file that came, its lines, and what became of each."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from enrollment.models.applications import Application
from portal.crypto import seal, unseal
from portal.people.actors import Actor, Role
from portal.regions.models import Office, Region

READERS_BY_AREA = (Role.COUNTY_REVIEWER, Role.AUDITOR)


class RosterState(models.TextChoices):
    """How far a roster is; the job of the same name moves it on."""

    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked, not submitted yet")
    SUBMITTING = "submitting", _("Being submitted")
    SUBMITTED = "submitted", _("Submitted")
    REFUSED = "refused", _("Not readable")


class Outcome(models.TextChoices):
    """What a line of a roster comes to."""

    GOOD = "good", _("Can be submitted")
    BAD = "bad", _("To be corrected")
    KNOWN = "known", _("Registered by the village before")
    SUBMITTED = "submitted", _("Submitted")


class RosterQuerySet(models.QuerySet["Roster"]):
    """Doors to the rosters."""

    def visible_to(self, actor: Actor) -> "RosterQuerySet":
        """Agents see what they uploaded for their own village, clerks what comes to their office, reviewers and
        auditors read those of their area (RELIABILITY §3).
        """
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.COMMITTEE_AGENT and actor.user_id and actor.region_path:
            return self.filter(created_by=actor.user_id, region__path__startswith=actor.region_path)
        if actor.role == Role.CLERK and actor.office_id:
            return self.filter(office=actor.office_id, state__in=[RosterState.SUBMITTING, RosterState.SUBMITTED])
        if actor.role in READERS_BY_AREA and actor.region_path:
            return self.filter(region__in=Region.objects.within_path(actor.region_path))
        return self.none()

    def live(self) -> "RosterQuerySet":
        """Those that could be read: the same file is not taken a second time."""
        return self.exclude(state=RosterState.REFUSED)


class Roster(models.Model):
    """One uploaded list of people of one village for one cover year."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), related_name="+")
    office = models.ForeignKey(Office, models.PROTECT, verbose_name=_("office"), null=True, related_name="+")
    cover_year = models.PositiveSmallIntegerField(_("cover year"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("entered by"), related_name="+"
    )
    created_at = models.DateTimeField(_("uploaded"), default=timezone.now)
    file_name = models.CharField(_("file"), max_length=120)
    kind = models.CharField(max_length=8, blank=True)
    digest = models.CharField(max_length=64)
    state = models.CharField(_("state"), max_length=12, choices=RosterState.choices, default=RosterState.CHECKING)
    refusal = models.CharField(max_length=24, blank=True)
    refusal_params = models.JSONField(default=dict)
    line_count = models.PositiveIntegerField(_("lines"), default=0)
    checked_at = models.DateTimeField(_("checked at"), null=True)
    declared_at = models.DateTimeField(_("declared truthful"), null=True)
    submitted_at = models.DateTimeField(_("submitted at"), null=True)
    erased_at = models.DateTimeField(_("lines erased"), null=True)
    job_id = models.UUIDField(null=True)

    objects = RosterQuerySet.as_manager()

    class Meta:
        verbose_name = _("roster")
        verbose_name_plural = _("rosters")
        ordering = ["-created_at"]
        indexes = [
            # the agent's own list, newest first
            models.Index(fields=["created_by", "-created_at"], name="enrollment_roster_of_agent"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RosterState.values), name="enrollment_roster_state_known"),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(refusal="") | ~Q(state="refused") & Q(refusal=""),
                name="enrollment_roster_refusal_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["submitting", "submitted"]) | Q(declared_at__isnull=False),
                name="enrollment_roster_submitted_is_declared",
            ),
            models.UniqueConstraint(
                fields=["region", "cover_year", "digest"],
                condition=~Q(state="refused"),
                name="enrollment_roster_file_once",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_busy(self) -> bool:
        """Whether a job works on it, or should."""
        return self.state in (RosterState.CHECKING, RosterState.SUBMITTING)


class RosterFile(models.Model):
    """The uploaded bytes, sealed, until every line is stored; in the database, so that no crash leaves half a file."""

    roster = models.OneToOneField(Roster, models.CASCADE, primary_key=True, related_name="file")
    content_cipher = models.BinaryField()

    def __str__(self) -> str:
        return str(self.roster_id)


class RosterRow(models.Model):
    """One line: what was written, sealed, and its verdict.

    `id_index` and `name_index` are keyed digests, by which doubles and contradictions are found without opening a line.
    """

    roster = models.ForeignKey(Roster, models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField(_("line"))
    cells_cipher = models.BinaryField(default=bytes)
    id_index = models.CharField(max_length=64, blank=True)
    name_index = models.CharField(max_length=64, blank=True)
    outcome = models.CharField(_("verdict"), max_length=10, choices=Outcome.choices)
    faults = models.JSONField(default=list)
    fault_count = models.PositiveSmallIntegerField(default=0)
    application = models.OneToOneField(
        Application, models.PROTECT, verbose_name=_("application"), null=True, related_name="roster_row"
    )

    class Meta:
        verbose_name = _("line of a roster")
        verbose_name_plural = _("lines of rosters")
        ordering = ["line"]
        indexes = [
            # the table of one verdict, page by page, and its count
            models.Index(fields=["roster", "outcome", "line"], name="enrollment_roster_outcome"),
            # doubles within one file
            models.Index(fields=["roster", "id_index"], name="enrollment_roster_number"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["roster", "line"], name="enrollment_roster_line_once"),
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="enrollment_roster_outcome_known"),
            models.CheckConstraint(
                condition=Q(outcome="bad", fault_count__gt=0) | ~Q(outcome="bad") & Q(fault_count=0),
                name="enrollment_roster_bad_line_has_faults",
            ),
            models.CheckConstraint(
                condition=Q(outcome="submitted", application__isnull=False)
                | ~Q(outcome="submitted") & Q(application__isnull=True),
                name="enrollment_roster_submitted_has_case",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line}"

    @property
    def written(self) -> dict[str, Any]:
        """The line as it was read: `cells` and `marks` by column; empty once it is erased."""
        if not self.cells_cipher:
            return {"cells": {}, "marks": {}}
        return json.loads(unseal(self.cells_cipher, aad=self._aad))

    @written.setter
    def written(self, value: dict[str, Any]) -> None:
        self.cells_cipher = seal(json.dumps(value, ensure_ascii=False), aad=self._aad)

    @property
    def _aad(self) -> str:
        return f"enrollment.roster:{self.roster_id}:{self.line}"
