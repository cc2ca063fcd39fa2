"""Addresses of the clerk's desk, in the namespace of the enrolment."""

from django.urls import path

from enrollment.views import desk

urlpatterns = [
    path("desk/", desk.home, name="desk"),
    path("desk/queue/", desk.queue, name="queue"),
    path("desk/applications/<uuid:pk>/", desk.review, name="review"),
    path("desk/applications/<uuid:pk>/materials/", desk.judge, name="judge"),
    path("desk/applications/<uuid:pk>/approve/", desk.approve, name="approve"),
    path("desk/applications/<uuid:pk>/correct/", desk.ask_correction, name="ask_correction"),
    path("desk/applications/<uuid:pk>/reject/", desk.reject, name="reject"),
    path("desk/applications/<uuid:pk>/notes/", desk.note, name="note"),
]
