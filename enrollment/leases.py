"""Who has a case open to decide it: others may look, and one person decides (N18, UX-C5).

The lease keeps two people from doing the same work; that a case is decided once is the business of version and state.
"""

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from enrollment.models import Application, CaseLease
from portal.design.text import format_moment
from portal.people.actors import Actor
from portal.regions import calendar
from portal.regions import policy as policies
from portal.workflow.core import Transition
from portal.workflow.errors import Unmet

LEASE_MINUTES = 10


class HeldByColleague(Unmet):
    """A colleague has the case open; nothing of theirs is overwritten (409)."""

    def __init__(self, transition: Transition, application: Application, lease: CaseLease, at: datetime) -> None:
        super().__init__(transition, application, [words(lease, at)])
        self.lease = lease


def length(application: Application) -> timedelta:
    """How long a case stays with a clerk who gives no further sign of life."""
    minutes = policies.for_region(application.region).setting("desk.lease_minutes", LEASE_MINUTES)
    return timedelta(minutes=max(1, int(minutes)))


def words(lease: CaseLease, at: datetime) -> str:
    """Who has it, since when, and how many minutes that are."""
    minutes = lease.minutes(at)
    values = {"name": lease.holder.display_name or lease.holder.username, "since": format_moment(lease.since)}
    if minutes < 1:
        return _("%(name)s has just opened this case (%(since)s).") % values
    ago = ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return _("%(name)s has this case open since %(since)s (%(ago)s).") % (values | {"ago": ago})


def held(application: Application, actor: Actor) -> CaseLease | None:
    """The lease of somebody else over this case, live or run out; those of earlier days are forgotten."""
    lease = CaseLease.objects.select_related("holder").filter(application=application).first()
    if lease is None or lease.holder_id == actor.user_id:
        return None
    is_old = not lease.is_live(timezone.now()) and calendar.local_date(lease.until) < calendar.today()
    return None if is_old else lease


def open_case(application: Application, actor: Actor) -> CaseLease | None:
    """Takes or prolongs the actor's lease, or returns the colleague's that stands in the way."""
    if actor.user_id is None:
        raise PermissionDenied
    at = timezone.now()
    until = at + length(application)
    mine = CaseLease.objects.filter(application=application, holder=actor.user_id)
    if mine.update(until=until):
        return None
    other = held(application, actor)
    if other is not None:
        return other
    with transaction.atomic():
        old = Q(until__lte=at)
        CaseLease.objects.filter(old, application=application).delete()
        lease, _made = CaseLease.objects.get_or_create(
            application=application, defaults={"holder_id": actor.user_id, "since": at, "until": until}
        )
    return lease if lease.holder_id != actor.user_id else None


def take_over(application: Application, actor: Actor) -> bool:
    """Gives the case to the actor when the colleague's lease has run out; False while it is live."""
    if actor.user_id is None:
        raise PermissionDenied
    at = timezone.now()
    until = at + length(application)
    lapsed = Q(until__lte=at) | Q(holder=actor.user_id)
    taken = CaseLease.objects.filter(lapsed, application=application).update(
        holder_id=actor.user_id, since=at, until=until
    )
    return bool(taken) or open_case(application, actor) is None


def give_back(application: Application, actor: Actor) -> None:
    """Frees the case for colleagues."""
    CaseLease.objects.filter(application=application, holder=actor.user_id).delete()


def require_free(application: Application, actor: Actor, transition: Transition) -> None:
    """Raises HeldByColleague while somebody else has the case open."""
    at = timezone.now()
    live = CaseLease.objects.select_related("holder").filter(application=application, until__gt=at)
    lease = live.exclude(holder=actor.user_id).first()
    if lease is not None:
        raise HeldByColleague(transition, application, lease, at)
