from django.urls import path

from portal.design import views

app_name = "design"

urlpatterns = [
    path("language/<slug:code>/", views.language, name="language"),
    path("display/<slug:mode>/", views.display, name="display"),
    path("design/", views.guide, name="guide"),
]
