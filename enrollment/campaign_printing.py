"""Makes the renewal campaigns known to print runs, which are below this app and know none of it."""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from enrollment import renewal
from enrollment.models import RenewalCampaign
from payments import campaigns
from payments.models import Notice
from portal.people.actors import Actor

LISTED = 50


def register() -> None:
    """Called when the app is ready."""
    campaigns.register(campaigns.Source(reaching, named, notices))


def reaching(actor: Actor) -> list[campaigns.Campaign]:
    """The campaigns inside an area and those of the places it lies in: a county prints its part of the city's."""
    path = actor.region_path
    if not path:
        return []
    steps = path.rstrip("/").split("/")
    above = ["/".join(steps[: count + 1]) + "/" for count in range(len(steps))]
    rows = RenewalCampaign.objects.filter(Q(region__path__startswith=path) | Q(region__path__in=above))
    return [_choice(row) for row in rows.select_related("region")[:LISTED]]


def named(pk: UUID) -> campaigns.Campaign | None:
    """One campaign, if there is one of this id."""
    row = RenewalCampaign.objects.select_related("region").filter(pk=pk).first()
    return _choice(row) if row else None


def notices(pk: UUID) -> QuerySet[Notice]:
    """The notices that the applications of a campaign stand on now."""
    return renewal.notices_of(RenewalCampaign(pk=pk))


def _choice(row: RenewalCampaign) -> campaigns.Campaign:
    return campaigns.Campaign(
        row.pk, _("Renewal %(year)d, %(place)s") % {"year": row.cover_year, "place": row.region.full_name}
    )
