"""A family registered in one visit, and what a clerk has typed for somebody at the counter before it is submitted."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from enrollment.states import FINAL, State
from payments.models import Notice
from portal.crypto import seal, unseal
from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.regions.models import Office, Region


class PackState(models.TextChoices):
    """Where a family stands, by where its members stand."""

    OPEN = "open", _("Not submitted yet")
    DECIDING = "deciding", _("Being decided")
    PAYING = "paying", _("Waiting for payment")
    DONE = "done", _("Everybody is decided")


class HouseholdPackQuerySet(models.QuerySet["HouseholdPack"]):
    def visible_to(self, actor: Actor) -> "HouseholdPackQuerySet":
        """Families an actor may see: the applicant their own, clerks those of their office, reviewers their area's."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.RESIDENT and actor.resident_id is not None:
            return self.filter(applicant=actor.resident_id)
        if actor.role == Role.CLERK and actor.office_id is not None:
            return self.filter(office=actor.office_id).exclude(submitted_at=None, helper=None)
        if actor.role in (Role.COUNTY_REVIEWER, Role.AUDITOR) and actor.region_path:
            return self.filter(submitted_at__isnull=False, region__path__startswith=actor.region_path)
        return self.none()


class HouseholdPack(models.Model):
    """One visit for several people: entered together and paid together, each decided on its own (N13)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    applicant = models.ForeignKey(
        Resident, verbose_name=_("applicant"), on_delete=models.PROTECT, related_name="household_packs"
    )
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    office = models.ForeignKey(
        Office, verbose_name=_("office"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    helper = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("entered by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    cover_year = models.PositiveSmallIntegerField(_("cover year"))
    submit_token = models.UUIDField(_("submit token"), default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(_("started"), default=timezone.now, editable=False)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)

    objects = HouseholdPackQuerySet.as_manager()

    class Meta:
        verbose_name = _("family registered together")
        verbose_name_plural = _("families registered together")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["applicant", "region", "cover_year"],
                condition=Q(submitted_at__isnull=True, helper__isnull=True),
                name="enrollment_pack_one_open",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True) | Q(submitted_at__gte=F("created_at")),
                name="enrollment_pack_submitted_after_start",
            ),
        ]
        indexes = [models.Index(fields=["office", "-created_at"], name="enrollment_pack_of_office")]

    def __str__(self) -> str:
        return f"{self.applicant} {self.cover_year}"

    @property
    def state(self) -> str:
        """Follows from the members' states: nothing is stored twice."""
        if self.submitted_at is None:
            return PackState.OPEN
        states = {row.state for row in self.members.all() if row.state != State.DRAFT}
        if states - {*FINAL, State.AWAITING_PAYMENT}:
            return PackState.DECIDING
        return PackState.PAYING if State.AWAITING_PAYMENT in states else PackState.DONE

    @property
    def state_label(self) -> str:
        return str(PackState(self.state).label)


class WalkInQuerySet(models.QuerySet["WalkIn"]):
    def visible_to(self, actor: Actor) -> "WalkInQuerySet":
        """What was typed at the counter is for the clerks of the same office, and for nobody else."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.CLERK and actor.office_id is not None:
            return self.filter(office=actor.office_id)
        return self.none()

    def unfinished(self) -> "WalkInQuerySet":
        return self.filter(finished_at__isnull=True)


class WalkIn(models.Model):
    """One person at the counter: what the clerk has typed, kept sealed and as it was typed, until it is submitted.

    `id_index` is the look-up key of the person's identity number, by which a colleague finds the same draft again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    office = models.ForeignKey(Office, verbose_name=_("office"), on_delete=models.PROTECT, related_name="+")
    clerk = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("entered by"), on_delete=models.PROTECT, related_name="+"
    )
    id_index = models.CharField(max_length=64, editable=False)
    typed_cipher = models.BinaryField(default=bytes, editable=False)
    pack = models.ForeignKey(
        HouseholdPack,
        verbose_name=_("family"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="walk_ins",
    )
    application = models.OneToOneField(
        "enrollment.Application",
        verbose_name=_("application"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="walk_in",
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("started"), default=timezone.now, editable=False)
    saved_at = models.DateTimeField(_("saved"), default=timezone.now)
    finished_at = models.DateTimeField(_("submitted at"), null=True, blank=True)

    objects = WalkInQuerySet.as_manager()

    class Meta:
        verbose_name = _("registration at the counter")
        verbose_name_plural = _("registrations at the counter")
        ordering = ["-saved_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["office", "id_index"],
                condition=Q(finished_at__isnull=True),
                name="enrollment_walk_in_once_per_person",
            ),
            models.CheckConstraint(
                condition=Q(finished_at__isnull=True, application__isnull=True)
                | Q(finished_at__isnull=False, application__isnull=False, typed_cipher=b""),
                name="enrollment_walk_in_finished_is_erased",
            ),
        ]
        indexes = [models.Index(fields=["office", "-saved_at"], name="enrollment_walk_in_of_office")]

    def __str__(self) -> str:
        return f"{self.office} {self.saved_at:%Y-%m-%d %H:%M}"

    @property
    def typed(self) -> dict[str, Any]:
        """The fields of the long page by name, as typed."""
        return json.loads(unseal(self.typed_cipher, aad=self._aad)) if self.typed_cipher else {}

    @typed.setter
    def typed(self, value: dict[str, Any]) -> None:
        self.typed_cipher = seal(json.dumps(value, ensure_ascii=False), aad=self._aad) if value else b""

    @property
    def _aad(self) -> str:
        return f"enrollment.walk_in.typed:{self.pk}"


def pack_notices(pack: HouseholdPack) -> "models.QuerySet[Notice]":
    """The members' own notices that can still be paid."""
    return Notice.objects.filter(pk__in=pack.members.filter(state=State.AWAITING_PAYMENT).values("notice"))
