"""Addresses that exist in the demo alone."""

from django.urls import path

from portal.demo import views

app_name = "demo"

urlpatterns = [path("demo/", views.index, name="index")]
