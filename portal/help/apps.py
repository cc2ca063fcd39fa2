from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class HelpConfig(AppConfig):
    name = "portal.help"
    label = "help"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.design.desk import register_nav, register_resident_nav
        from portal.people.actors import Role

        register_nav(_("Feedback"), "help:feedback_counts", [Role.ADMIN, Role.AUDITOR], order=900)
        register_resident_nav(pgettext_lazy("navigation", "Help"), "help:index", order=900)
