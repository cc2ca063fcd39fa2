from django.apps import AppConfig
from django.core import checks


class DocumentsConfig(AppConfig):
    name = "portal.documents"
    label = "documents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.documents.checks import check_font_cutter, check_fonts

        checks.register(check_font_cutter)
        checks.register(check_fonts)
