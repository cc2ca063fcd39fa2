"""Addresses of the progress pages."""

from django.urls import path

from portal.jobs import views

app_name = "jobs"
urlpatterns = [
    path("jobs/<uuid:job_id>/", views.show, name="show"),
    path("jobs/<uuid:job_id>/stop/", views.stop, name="stop"),
    path("jobs/<uuid:job_id>/file/", views.download, name="download"),
]
