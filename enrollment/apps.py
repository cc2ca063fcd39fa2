"""The enrolment app: eligibility, registration, review, cover."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EnrollmentConfig(AppConfig):
    """Hangs the reactions of the enrolment on its own transitions and on those of payment notices."""

    name = "enrollment"
    label = "enrollment"
    verbose_name = _("Enrolment")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from enrollment import (
            bulk,
            campaign_printing,
            households,
            navigation,
            papers,
            pictures,
            publication,
            reactions,
        )
        from enrollment.rosters import wiring

        reactions.register()
        bulk.register()
        campaign_printing.register()
        households.register()
        papers.register()
        pictures.register()
        publication.register()
        navigation.register()
        wiring.register()
