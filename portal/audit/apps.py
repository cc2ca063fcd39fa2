"""Registers the audit log as a sealed stream."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "portal.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import seals
        from .models import AuditEntry

        seals.register("audit", AuditEntry)
