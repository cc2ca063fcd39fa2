"""Starts the machine: every installed app's `workflow` module is imported, and the shared streams are sealed."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class WorkflowConfig(AppConfig):
    name = "portal.workflow"
    label = "workflow"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.audit import seals
        from portal.design.desk import register_nav
        from portal.people.actors import Role

        from . import checks  # noqa: F401  registers the system checks
        from .models import ClockEntry

        seals.register("clocks", ClockEntry)
        autodiscover_modules("workflow")
        register_nav(_("Operations"), "workflow:operations", [Role.ADMIN, Role.AUDITOR], order=90)
