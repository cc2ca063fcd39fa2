"""Registrations for the pooled scheme of employees, handed over from the portal to the agency, with their months."""

import uuid
from datetime import date

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.regions.models import Office, PolicySnapshot, Region
from portal.regions.text import both, pick


class Employment(models.TextChoices):
    """How somebody takes part in the employees' scheme (Social Insurance Law 23)."""

    UNIT = "unit", _("Through an employer")
    FLEXIBLE = "flexible", _("Flexibly employed, paying alone")


class RegistrationQuerySet(models.QuerySet["Registration"]):
    """Doors to the rows, and who is behind with payments."""

    def visible_to(self, actor: Actor) -> "RegistrationQuerySet":
        """Residents see their own, the desk those handed in to its office or in its area."""
        handed_in = Q(handed_in_at__isnull=False)
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.RESIDENT and actor.resident_id is not None:
            return self.filter(resident=actor.resident_id)
        if actor.role == Role.CLERK and actor.office_id is not None:
            return self.filter(handed_in, office=actor.office_id)
        if actor.role in (Role.COUNTY_REVIEWER, Role.AUDITOR) and actor.region_path:
            return self.filter(handed_in, region__path__startswith=actor.region_path)
        return self.none()

    def standing(self) -> "RegistrationQuerySet":
        """Accepted and not ended."""
        return self.filter(accepted_at__isnull=False, ended_on__isnull=True)

    def in_arrears(self, today: date) -> "RegistrationQuerySet":
        """Those with a period unpaid after its day."""
        return self.filter(periods__paid_on__isnull=True, periods__due_on__lt=today).distinct()

    def with_arrears(self, today: date) -> "RegistrationQuerySet":
        """Each with `in_arrears`: whether a period is unpaid after its day (S3-09, C3)."""
        late = Period.objects.filter(registration=OuterRef("pk"), paid_on__isnull=True, due_on__lt=today)
        return self.annotate(in_arrears=Exists(late))


class Registration(models.Model):
    """One person's registration; what it is follows from its dates. Both parts of the contribution are kept apart.

    Amounts are fen a month; the base is the declared wage within the region's bounds.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resident = models.ForeignKey(
        Resident, verbose_name=_("person"), on_delete=models.PROTECT, related_name="coordination"
    )
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    office = models.ForeignKey(Office, verbose_name=_("office"), on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(PolicySnapshot, verbose_name=_("policy"), on_delete=models.PROTECT, related_name="+")
    employment = models.CharField(_("employment"), max_length=10, choices=Employment.choices)
    employer = models.CharField(_("employer"), max_length=80, blank=True)
    hired_on = models.DateField(_("hired on"), null=True, blank=True)
    wage_fen = models.PositiveBigIntegerField(_("monthly wage, in fen"))
    dependants = models.BooleanField(_("with spouse or children"), default=False)
    medical_costs = models.BooleanField(_("with medical costs to settle"), default=False)
    base_fen = models.PositiveBigIntegerField(_("contribution base, in fen"))
    individual_fen = models.PositiveBigIntegerField(_("individual part, in fen"))
    unit_fen = models.PositiveBigIntegerField(_("unit part, in fen"))
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(_("started"))
    handed_in_at = models.DateTimeField(_("handed in at"), null=True, blank=True)
    returned_at = models.DateTimeField(_("returned at"), null=True, blank=True)
    return_reason = models.CharField(_("what to put right"), max_length=500, blank=True)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("accepted by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    ended_on = models.DateField(_("ended on"), null=True, blank=True)

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        verbose_name = _("registration for the employees' scheme")
        verbose_name_plural = _("registrations for the employees' scheme")
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["office", "handed_in_at"], name="enrollment_coordination_desk")]
        constraints = [
            models.UniqueConstraint(
                fields=["resident"], condition=Q(ended_on__isnull=True), name="enrollment_one_coordination_per_person"
            ),
            models.CheckConstraint(
                condition=Q(employment=Employment.FLEXIBLE, unit_fen=0, employer="")
                | (Q(employment=Employment.UNIT, hired_on__isnull=False) & ~Q(employer="")),
                name="enrollment_coordination_unit_has_employer",
            ),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(handed_in_at__isnull=False, accepted_by__isnull=False),
                name="enrollment_coordination_accepted_was_handed_in",
            ),
            models.CheckConstraint(
                condition=Q(returned_at__isnull=True) | ~Q(return_reason=""),
                name="enrollment_coordination_return_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def total_fen(self) -> int:
        return self.individual_fen + self.unit_fen

    @property
    def through_employer(self) -> bool:
        return self.employment == Employment.UNIT

    @property
    def stage(self) -> str:
        """`draft`, `returned`, `handed_in`, `accepted` or `ended`."""
        if self.ended_on is not None:
            return "ended"
        if self.accepted_at is not None:
            return "accepted"
        if self.handed_in_at is not None:
            return "handed_in"
        return "returned" if self.returned_at is not None else "draft"

    @property
    def is_editable(self) -> bool:
        return self.stage in ("draft", "returned")


class RegistrationMaterial(models.Model):
    """A paper of one of the five kinds, as the policy named it when the registration was handed in (S3-04 to S3-08)."""

    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="materials")
    position = models.PositiveSmallIntegerField(_("position"))
    kind = models.PositiveSmallIntegerField(_("kind of material"))
    code = models.CharField(_("code"), max_length=40)
    group = models.CharField(_("one of these is enough"), max_length=40)
    name_zh = models.CharField(_("Chinese name"), max_length=120)
    name_en = models.CharField(_("English name"), max_length=200)
    required = models.BooleanField(_("required"))
    seen_at = models.DateTimeField(_("seen at"), null=True, blank=True)
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("seen by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        verbose_name = _("material of a registration")
        verbose_name_plural = _("materials of registrations")
        ordering = ["kind", "position"]
        constraints = [
            models.UniqueConstraint(fields=["registration", "code"], name="enrollment_coordination_material_once"),
            models.CheckConstraint(condition=Q(kind__gte=1, kind__lte=5), name="enrollment_coordination_five_kinds"),
            models.CheckConstraint(
                condition=Q(seen_at__isnull=True) | Q(seen_by__isnull=False),
                name="enrollment_coordination_seen_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return pick(both(self.name_zh, self.name_en))


class Period(models.Model):
    """One month's contribution, both parts apart; `due_on` is the last day to pay (S3-02, S3-09)."""

    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="periods")
    month = models.DateField(_("month"), help_text=_("Its first day."))
    individual_fen = models.PositiveBigIntegerField(_("individual part, in fen"))
    unit_fen = models.PositiveBigIntegerField(_("unit part, in fen"))
    due_on = models.DateField(_("pay by"))
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    proof = models.CharField(_("number of the tax receipt"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("period of contribution")
        verbose_name_plural = _("periods of contribution")
        ordering = ["month"]
        indexes = [models.Index(fields=["due_on"], name="enrollment_period_unpaid", condition=Q(paid_on__isnull=True))]
        constraints = [
            models.UniqueConstraint(fields=["registration", "month"], name="enrollment_period_once"),
            models.CheckConstraint(condition=Q(due_on__gte=F("month")), name="enrollment_period_due_in_its_time"),
            models.CheckConstraint(
                condition=Q(paid_on__isnull=True) | ~Q(proof=""), name="enrollment_paid_period_has_proof"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"

    @property
    def total_fen(self) -> int:
        return self.individual_fen + self.unit_fen

    def is_late(self, today: date) -> bool:
        """Whether it is unpaid after its day."""
        return self.paid_on is None and self.due_on < today
