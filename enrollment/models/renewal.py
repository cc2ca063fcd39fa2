"""Renewal campaigns: the next cover year for everybody a region insures, and the applications they made."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from enrollment.models.applications import Application
from portal.people.actors import Actor, Role
from portal.people.models import Resident
from portal.regions.models import Region

CAMPAIGN_ROLES = (Role.ADMIN, Role.COUNTY_REVIEWER)
CAMPAIGN_READERS = (*CAMPAIGN_ROLES, Role.AUDITOR)


class RenewalCampaignQuerySet(models.QuerySet["RenewalCampaign"]):
    def visible_to(self, actor: Actor) -> "RenewalCampaignQuerySet":
        """Campaigns inside the actor's own area."""
        if actor.role == Role.SYSTEM:
            return self
        if actor.role in CAMPAIGN_READERS and actor.region_path:
            return self.filter(region__path__startswith=actor.region_path)
        return self.none()


class RenewalCampaign(models.Model):
    """One region and one cover year; started by a person, done by a job, never doubled however often it is started."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), related_name="+")
    cover_year = models.PositiveSmallIntegerField(_("cover year"))
    # Plain ids: whoever started it, whatever becomes of the account, and the job that works on it now.
    started_by = models.BigIntegerField(null=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    job_id = models.UUIDField(null=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True)
    left_out = models.JSONField(_("left out, by reason"), default=dict)

    objects = RenewalCampaignQuerySet.as_manager()

    class Meta:
        verbose_name = _("renewal campaign")
        verbose_name_plural = _("renewal campaigns")
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(fields=["region", "cover_year"], name="enrollment_renewal_once"),
            models.CheckConstraint(condition=Q(cover_year__gte=2000), name="enrollment_renewal_year"),
        ]

    def __str__(self) -> str:
        return f"{self.region} {self.cover_year}"


class RenewalEntry(models.Model):
    """One person of a campaign and the application it made for them."""

    campaign = models.ForeignKey(RenewalCampaign, models.CASCADE, related_name="entries")
    person = models.ForeignKey(Resident, models.PROTECT, related_name="+")
    application = models.OneToOneField(Application, models.CASCADE, related_name="renewal")
    review_reason = models.CharField(_("why it needs a review"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("renewed person")
        verbose_name_plural = _("renewed people")
        constraints = [
            models.UniqueConstraint(fields=["campaign", "person"], name="enrollment_renewal_person_once"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.person_id}"
