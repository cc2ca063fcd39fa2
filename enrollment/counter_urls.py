"""Addresses of the counter, in the namespace of the enrolment."""

from django.urls import path

from enrollment.views import pictures, walk_in

urlpatterns = [
    path("", walk_in.look_up, name="walk_in_look_up"),
    path("<uuid:pk>/", walk_in.walk_in, name="walk_in"),
    path("<uuid:pk>/photos/", pictures.at_the_counter, name="walk_in_pictures"),
    path("<uuid:pk>/discard/", walk_in.discard, name="walk_in_discard"),
    path("<uuid:pk>/done/", walk_in.done, name="walk_in_done"),
    path("<uuid:pk>/next/", walk_in.next_person, name="walk_in_next"),
    path("<uuid:pk>/finish/", walk_in.finish, name="walk_in_finish"),
]
