"""Every address of the portal. Each app writes its addresses in full in its own `urls.py`."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from portal.addresses import KnownAddresses
from portal.health import healthz, readyz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("admin/", admin.site.urls),
    KnownAddresses(
        [
            path("", include("portal.home.urls")),
            path("", include("portal.people.urls")),
            path("", include("portal.regions.urls")),
            path("", include("portal.design.urls")),
            path("", include("portal.help.urls")),
            path("", include("portal.jobs.urls")),
            path("", include("portal.outbox.urls")),
            path("", include("portal.documents.urls")),
            path("", include("portal.workflow.urls")),
            path("", include("payments.urls")),
            path("", include("enrollment.urls")),
            path("", include("cards.urls")),
            path("", include("portal.demo.urls")),
        ]
    ),
]

handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.permission_denied"
handler404 = "portal.errors.page_not_found"
handler500 = "portal.errors.server_error"
