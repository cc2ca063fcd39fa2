from django.urls import path

from portal.help import views

app_name = "help"

urlpatterns = [
    path("help/", views.index, name="index"),
    path("help/offices/", views.offices, name="offices"),
    path("help/<slug:slug>/", views.page, name="page"),
    path("feedback/", views.feedback, name="feedback"),
    path("desk/feedback/", views.feedback_counts, name="feedback_counts"),
    path("feedback/thanks/", views.feedback_thanks, name="feedback_thanks"),
]
