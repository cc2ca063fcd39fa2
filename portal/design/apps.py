from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DesignConfig(AppConfig):
    name = "portal.design"
    label = "design"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers the entries of the apps below this one, which cannot know about navigation."""
        from portal.design.desk import register_nav, register_resident_nav
        from portal.people.actors import Role
        from portal.people.services import ROLES_AT_THE_COUNTER

        register_resident_nav(_("Home"), "home", order=0)
        register_resident_nav(_("Family"), "people:family", [Role.RESIDENT], order=50)
        register_nav(_("Find a person"), "people:desk_find", ROLES_AT_THE_COUNTER, order=30)
        register_nav(_("Regional rules"), "regions:rules", [Role.ADMIN, Role.AUDITOR], order=60)
