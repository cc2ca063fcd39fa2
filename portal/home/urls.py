from django.urls import path

from portal.home import views

urlpatterns = [
    path("", views.home, name="home"),
    path("lookup/", views.lookup, name="lookup"),
    path("lookup/<uuid:pk>/", views.lookup_case, name="lookup_case"),
]
