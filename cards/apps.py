"""The cards app: applications for the social security card, production, pickup, and the card's own life."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CardsConfig(AppConfig):
    """Hangs the reactions of the card desk on its own transitions and on those of payment notices."""

    name = "cards"
    label = "cards"
    verbose_name = _("Social security cards")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from cards import navigation, papers, reactions

        reactions.register()
        papers.register()
        navigation.register()
