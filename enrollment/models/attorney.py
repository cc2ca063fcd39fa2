"""Powers of attorney: what an agent declares, and what a clerk has seen (A10)."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from enrollment.codes import Relation
from portal.crypto import seal, unseal
from portal.people.actors import Actor, Role
from portal.people.identity import IdentityKind
from portal.people.models import Guardianship, Resident
from portal.people.names import LONGEST_NAME, mask_identity_number, mask_name
from portal.regions.models import Office, Region


class MandateState(models.TextChoices):
    DECLARED = "declared", _("Waiting for the paper")
    CONFIRMED = "confirmed", _("Paper seen, in force")
    REFUSED = "refused", _("Not accepted")
    WITHDRAWN = "withdrawn", _("Taken back")


class MandateQuerySet(models.QuerySet["Mandate"]):
    """Doors to the rows."""

    def visible_to(self, actor: Actor) -> "MandateQuerySet":
        """Residents see those they are agent or, once confirmed, principal of; the desk those of its office or area."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role == Role.RESIDENT and actor.resident_id is not None:
            return self.filter(Q(agent=actor.resident_id) | Q(principal=actor.resident_id))
        if actor.role == Role.CLERK and actor.office_id is not None:
            return self.filter(office=actor.office_id)
        if actor.role in (Role.COUNTY_REVIEWER, Role.AUDITOR) and actor.region_path:
            return self.filter(region__path__startswith=actor.region_path)
        return self.none()

    def open(self) -> "MandateQuerySet":
        """Those that wait for a clerk to see the paper."""
        return self.filter(state=MandateState.DECLARED)


class Mandate(models.Model):
    """A power of attorney as an agent declares it; it holds from the day on which a clerk has seen the paper.

    The person represented is linked only then: until that moment it is not even looked up whether they are on file.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agent = models.ForeignKey(Resident, verbose_name=_("agent"), on_delete=models.PROTECT, related_name="mandates_held")
    principal = models.ForeignKey(
        Resident,
        verbose_name=_("person represented"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="mandates_given",
    )
    principal_name = models.CharField(_("name of the person represented"), max_length=LONGEST_NAME)
    principal_id_kind = models.CharField(max_length=24, choices=[(kind.value, kind.value) for kind in IdentityKind])
    principal_id_cipher = models.BinaryField(default=bytes, editable=False)
    relation = models.CharField(_("relation"), max_length=12, choices=Relation.choices)
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"))
    region = models.ForeignKey(Region, verbose_name=_("region"), on_delete=models.PROTECT, related_name="+")
    office = models.ForeignKey(Office, verbose_name=_("office"), on_delete=models.PROTECT, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=MandateState.choices, default=MandateState.DECLARED)
    reason = models.CharField(_("reason of the refusal"), max_length=300, blank=True)
    guardianship = models.OneToOneField(
        Guardianship, on_delete=models.SET_NULL, null=True, blank=True, related_name="mandate"
    )
    declared_at = models.DateTimeField(_("declared at"))
    seen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("paper seen by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    seen_at = models.DateTimeField(_("paper seen at"), null=True, blank=True)

    objects = MandateQuerySet.as_manager()

    class Meta:
        verbose_name = _("power of attorney")
        verbose_name_plural = _("powers of attorney")
        ordering = ["-declared_at", "id"]
        indexes = [models.Index(fields=["office", "state", "declared_at"], name="enrollment_mandate_queue")]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__gte=F("valid_from")), name="enrollment_mandate_ends_after_start"
            ),
            models.CheckConstraint(
                condition=~Q(state=MandateState.CONFIRMED)
                | Q(principal__isnull=False, seen_by__isnull=False, seen_at__isnull=False),
                name="enrollment_mandate_confirmed_was_seen",
            ),
            models.CheckConstraint(
                condition=~Q(state=MandateState.REFUSED) | ~Q(reason=""), name="enrollment_mandate_refusal_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(principal__isnull=True) | ~Q(principal=F("agent")),
                name="enrollment_mandate_of_another_person",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def principal_number(self) -> str:
        """The number of the person represented as the agent typed it; kept sealed."""
        return unseal(self.principal_id_cipher, aad=self._aad) if self.principal_id_cipher else ""

    @principal_number.setter
    def principal_number(self, number: str) -> None:
        self.principal_id_cipher = seal(number, aad=self._aad) if number else b""

    @property
    def _aad(self) -> str:
        return f"enrollment.mandate.principal:{self.pk}"

    @property
    def masked_principal_name(self) -> str:
        return mask_name(self.principal_name)

    @property
    def masked_principal_number(self) -> str:
        return mask_identity_number(self.principal_number) if self.principal_id_cipher else ""

    @property
    def staff_principal_number(self) -> str:
        return mask_identity_number(self.principal_number, for_staff=True) if self.principal_id_cipher else ""

    @property
    def is_open(self) -> bool:
        return self.state == MandateState.DECLARED
