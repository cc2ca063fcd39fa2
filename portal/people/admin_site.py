"""The Django admin, opened by a live administrator's role and not by the superuser flag alone."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from portal.people.actors import Role
from portal.people.addresses import wanted_page, with_next
from portal.people.requests import acting


class PortalAdminSite(AdminSite):
    """Configuration only: no model of a case or of a resident is registered here."""

    site_header = _("Canbao configuration")
    site_title = _("Canbao configuration")
    index_title = _("Configuration")

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and acting(request).role == Role.ADMIN

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sends everybody to the one sign-in page of staff, which counts failures."""
        return redirect(with_next("people:staff_sign_in", wanted_page(request)))
