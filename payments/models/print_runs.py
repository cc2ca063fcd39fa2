"""Print runs: the papers of many notices as one file, chosen by place, kind, state and day of issue."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from payments import campaigns
from payments.models.notices import Kind, Notice, NoticeQuerySet
from payments.states import State
from portal.jobs.models import Job
from portal.people.actors import Actor, Role
from portal.regions.models import Office, Region

READERS = (Role.CASHIER, Role.COUNTY_REVIEWER)


class PrintRunQuerySet(models.QuerySet["PrintRun"]):
    def visible_to(self, actor: Actor) -> Self:
        """The runs of this account whose place still lies in its area; nobody else opens a file full of names."""
        if actor.role not in READERS or not actor.user_id:
            return self.none()
        return self.filter(created_by=actor.user_id, region__in=Region.objects.within_path(actor.region_path))


class PrintRun(models.Model):
    """What was chosen for one run, and how it went; the file belongs to its job."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Plain id of people.User: who started the run stays known, whatever becomes of the account.
    created_by = models.BigIntegerField(_("started by"), editable=False)
    created_at = models.DateTimeField(_("started"), auto_now_add=True)
    job = models.OneToOneField(Job, models.SET_NULL, verbose_name=_("job"), null=True, related_name="+")
    region = models.ForeignKey(Region, models.PROTECT, verbose_name=_("region"), related_name="+")
    office = models.ForeignKey(Office, models.PROTECT, verbose_name=_("issuing office"), null=True, related_name="+")
    # Plain id of a campaign of an upper app: see `payments.campaigns`.
    campaign = models.UUIDField(_("campaign"), null=True, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, blank=True)
    state = models.CharField(_("state"), max_length=20, choices=State.choices, blank=True)
    cover_year = models.PositiveSmallIntegerField(_("cover year"), null=True)
    issued_from = models.DateField(_("issued from"), null=True)
    issued_until = models.DateField(_("issued until"), null=True)
    language = models.CharField(_("language"), max_length=10)
    notice_count = models.PositiveIntegerField(_("notices"))
    page_count = models.PositiveIntegerField(_("pages"), default=0)
    left_out = models.JSONField(_("notices without a paper"), default=list)

    objects = PrintRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("print run")
        verbose_name_plural = _("print runs")
        ordering = ["-created_at"]
        indexes = [
            # read by the list of one's own runs
            models.Index(fields=["created_by", "-created_at"], name="payments_run_of_account"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["", *Kind.values]), name="payments_run_known_kind"),
            models.CheckConstraint(condition=Q(state__in=["", *State.values]), name="payments_run_known_state"),
            models.CheckConstraint(condition=Q(notice_count__gt=0), name="payments_run_prints_something"),
            models.CheckConstraint(
                condition=Q(issued_from__isnull=True)
                | Q(issued_until__isnull=True)
                | Q(issued_until__gte=models.F("issued_from")),
                name="payments_run_days_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.region} {self.created_at:%Y-%m-%d}"

    def notices(self) -> NoticeQuerySet:
        """The notices that this run is about, those of the moment it was started."""
        return chosen_notices(
            region=self.region,
            office=self.office,
            campaign=self.campaign,
            kind=self.kind,
            state=self.state,
            cover_year=self.cover_year,
            issued_from=self.issued_from,
            issued_until=self.issued_until,
        ).filter(issued_at__lte=self.created_at)


def chosen_notices(**choice: object) -> NoticeQuerySet:
    """The notices of a choice; empty parts of it choose nothing.

    Whoever is on an open notice for many is left out: that one asks for the same money.
    """
    region = choice["region"]
    assert isinstance(region, Region)
    rows = Notice.objects.filter(region__in=Region.objects.within_path(region.path))
    for lookup, name in (
        ("office", "office"),
        ("kind", "kind"),
        ("state", "state"),
        ("cover_year", "cover_year"),
        ("issued_on__gte", "issued_from"),
        ("issued_on__lte", "issued_until"),
    ):
        if choice.get(name):
            rows = rows.filter(**{lookup: choice[name]})
    campaign = choice.get("campaign")
    if isinstance(campaign, uuid.UUID):
        rows = rows.filter(pk__in=campaigns.notices_of(campaign).values("pk"))
    return rows.exclude(Q(state=State.ISSUED, collective__state=State.ISSUED))
