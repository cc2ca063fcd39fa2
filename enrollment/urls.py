"""Addresses of the enrolment: public, resident, desk."""

from django.urls import include, path

from enrollment.views import form, public, resident

app_name = "enrollment"
urlpatterns = [
    path("check/", public.check, name="check"),
    path("check/materials/", public.needed, name="materials"),
    path("check/form/<slug:fmt>/", public.blank_form, name="blank_form"),
    path("my/", resident.mine, name="mine"),
    path("enrol/", resident.start, name="start"),
    path("applications/<uuid:pk>/", resident.show, name="application"),
    path("applications/<uuid:pk>/form/", form.tasks, name="tasks"),
    path("applications/<uuid:pk>/form/check/", form.check_answers, name="check_answers"),
    path("applications/<uuid:pk>/form/<slug:code>/", form.section, name="section"),
    path("applications/<uuid:pk>/receipt/", resident.receipt, name="receipt"),
    path("applications/<uuid:pk>/receipt/<slug:fmt>/", resident.receipt_paper, name="receipt_paper"),
    path("applications/<uuid:pk>/form-paper/<slug:fmt>/", resident.form_paper, name="form_paper"),
    path("applications/<uuid:pk>/appeal/", resident.appeal, name="appeal"),
    path("applications/<uuid:pk>/correct/", resident.correct, name="correct"),
    path("applications/<uuid:pk>/withdraw/", resident.withdraw, name="withdraw"),
    path("", include("enrollment.desk_urls")),
]
