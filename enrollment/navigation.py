"""The entries of the enrolment in the navigation of residents and of the desk."""

from django.utils.translation import gettext_lazy as _

from portal.design.desk import register_nav, register_resident_nav
from portal.people.actors import Role

DESK_ROLES = (Role.CLERK, Role.COUNTY_REVIEWER, Role.AUDITOR)


def register() -> None:
    """Adds the entries; called once, when the apps are ready."""
    register_resident_nav(_("May I join?"), "enrollment:check", order=10)
    register_resident_nav(_("My applications"), "enrollment:mine", roles=[Role.RESIDENT], order=20)
    register_nav(_("Applications"), "enrollment:queue", DESK_ROLES, order=10)
