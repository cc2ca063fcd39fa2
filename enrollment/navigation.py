"""The entries of the enrolment in the navigation of residents and of the desk."""

from django.utils.translation import gettext_lazy as _

from enrollment.models import CAMPAIGN_READERS
from portal.design.desk import register_nav, register_resident_nav
from portal.people.actors import Role

DESK_ROLES = (Role.CLERK, Role.COUNTY_REVIEWER, Role.AUDITOR)
DECIDERS = (Role.CLERK, Role.COUNTY_REVIEWER)


def register() -> None:
    """Adds the entries; called once, when the apps are ready."""
    # Who has signed in finds both among their own pages; a row of nine entries does not fit one line.
    register_resident_nav(_("May I join?"), "enrollment:check", roles=[Role.ANONYMOUS], order=60)
    register_resident_nav(_("My applications"), "enrollment:mine", roles=[Role.RESIDENT], order=10)
    register_nav(_("Powers of attorney"), "enrollment:desk_attorney", DESK_ROLES, order=60)
    register_nav(_("Employees' scheme"), "enrollment:desk_coordination", DESK_ROLES, order=65)
    register_nav(_("Applications"), "enrollment:queue", DESK_ROLES, order=10)
    register_nav(_("Village desk"), "enrollment:committee", [Role.COMMITTEE_AGENT], order=10)
    register_nav(_("Rosters"), "enrollment:rosters", DESK_ROLES, order=40)
    register_nav(_("Counter"), "enrollment:walk_in_look_up", [Role.CLERK], order=12)
    register_nav(_("Renewal campaigns"), "enrollment:renewals", CAMPAIGN_READERS, order=70)
    register_nav(_("My day"), "enrollment:day", DECIDERS, order=15)
