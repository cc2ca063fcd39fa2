"""Addresses of the operators' page."""

from django.urls import path

from portal.workflow import operations

app_name = "workflow"
urlpatterns = [
    path("desk/operations/", operations.operations, name="operations"),
    path("desk/operations/cases/<slug:workflow>/<uuid:pk>/", operations.retry_case, name="retry_case"),
    path("desk/operations/reactions/<int:pk>/", operations.retry_reaction, name="retry_reaction"),
    path("desk/operations/jobs/<uuid:pk>/", operations.retry_job, name="retry_job"),
]
