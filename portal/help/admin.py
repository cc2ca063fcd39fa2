from django.contrib import admin
from django.http import HttpRequest

from portal.help.models import Feedback


@admin.register(Feedback)
class FeedbackAdmin(admin.ModelAdmin):
    """Remarks are read, never written or changed, by staff."""

    list_display = ["given_on", "page", "rating", "language", "text"]
    list_filter = ["rating", "page", "language", "given_on"]
    search_fields = ["page", "text"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Feedback | None = None) -> bool:
        return False
