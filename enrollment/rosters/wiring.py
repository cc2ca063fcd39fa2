"""What rosters hang into the lower apps: their jobs, their papers, and which notices an agent sees."""

from django.db.models import Q

from enrollment.models import Application
from enrollment.rosters import jobs, papers
from enrollment.rosters.notices import PURPOSE
from payments.models import notices
from portal.people.actors import Actor, Role

__all__ = ["jobs", "register"]


def register() -> None:
    """Called once, when the apps are ready; the jobs register themselves."""
    if entered_by_agent not in notices.agent_scopes:
        notices.agent_scopes.append(entered_by_agent)
    papers.register()


def entered_by_agent(actor: Actor) -> Q:
    """Notices of the applications this agent entered, and the collective notices over them."""
    if actor.role != Role.COMMITTEE_AGENT or actor.user_id is None:
        return Q(pk__in=[])
    own = Application.objects.visible_to(actor).filter(notice__isnull=False).order_by()
    whole = own.filter(notice__collective__isnull=False)
    return Q(pk__in=own.values("notice")) | Q(pk__in=whole.values("notice__collective"), purpose=PURPOSE)
