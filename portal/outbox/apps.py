from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "portal.outbox"
    label = "outbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from portal.design.desk import register_nav, register_resident_nav
        from portal.outbox.codes import send_code
        from portal.people import codes
        from portal.people.actors import Role

        if send_code not in codes.senders:
            codes.senders.append(send_code)
        register_resident_nav(_("Messages"), "outbox:messages", [Role.RESIDENT], order=30)
        register_nav(_("Unsent messages"), "outbox:unsent", [Role.ADMIN], order=80)
