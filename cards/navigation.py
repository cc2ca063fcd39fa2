"""The entries of the card desk in the navigation of residents and of staff."""

from django.utils.translation import gettext_lazy as _

from portal.design.desk import register_nav, register_resident_nav
from portal.people.actors import Role


def register() -> None:
    """Adds the entries; called once, when the apps are ready."""
    register_resident_nav(_("Social security card"), "cards:about", roles=[Role.ANONYMOUS], order=65)
    register_resident_nav(_("My card"), "cards:mine", roles=[Role.RESIDENT], order=25)
    register_nav(_("Cards"), "cards:queue", [Role.CARD_CLERK, Role.AUDITOR], order=20)
    register_nav(_("Pickup"), "cards:pickup", [Role.CARD_CLERK, Role.CLERK], order=25)
    register_nav(_("Activation by telephone"), "cards:telephone", [Role.HOTLINE], order=10)
