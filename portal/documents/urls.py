"""Addresses of the paper check and of uploaded pictures."""

from django.urls import path

from portal.documents import views

app_name = "documents"
urlpatterns = [
    path("papers/", views.paper_check_form, name="paper_check_form"),
    path("papers/<str:code>/", views.paper_check, name="paper_check"),
    path("uploads/<uuid:upload_id>/", views.upload, name="upload"),
]
