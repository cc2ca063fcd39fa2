"""Addresses of the region picker and of the policy desk."""

from django.urls import path

from portal.regions.views import calendar, policy, public

app_name = "regions"
urlpatterns = [
    path("regions/pick/", public.pick, name="pick"),
    path("desk/policy/", policy.rules, name="rules"),
    path("desk/policy/calculator/", policy.calculator, name="calculator"),
    path("desk/policy/calendar/", calendar.years, name="calendar"),
    path("desk/policy/calendar/import/", calendar.import_file, name="calendar_import"),
    path("desk/policy/changes/<int:pk>/", policy.change, name="change"),
    path("desk/policy/changes/<int:pk>/publish/", policy.publish, name="publish"),
    path("desk/policy/changes/<int:pk>/withdraw/", policy.withdraw, name="withdraw"),
    path("desk/policy/changes/<int:pk>/roll-back/", policy.roll_back, name="roll_back"),
    path("desk/policy/<str:code>/fee/<str:key>/", policy.edit_fee, name="edit_fee"),
    path("desk/policy/<str:code>/material/<str:key>/", policy.edit_material, name="edit_material"),
]
