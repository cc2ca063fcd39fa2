"""Addresses of a family that registers in one visit, in the namespace of the enrolment."""

from django.urls import path

from enrollment.views import household

urlpatterns = [
    path("", household.start, name="household_start"),
    path("<uuid:pk>/", household.show, name="household"),
    path("<uuid:pk>/people/", household.people, name="household_people"),
    path("<uuid:pk>/all/<slug:code>/", household.shared, name="household_shared"),
    path("<uuid:pk>/check/", household.check, name="household_check"),
    path("<uuid:pk>/receipt/", household.receipt, name="household_receipt"),
    path("<uuid:pk>/pay/", household.pay, name="household_pay"),
    path("person/<uuid:pk>/leave-out/", household.leave_out, name="household_leave_out"),
    path("person/<uuid:pk>/<slug:code>/", household.section, name="household_section"),
]
