"""Addresses of messages, of the gateway's reports, and of the demo telephone."""

from django.urls import path

from portal.outbox import views

app_name = "outbox"
urlpatterns = [
    path("messages/", views.message_list, name="messages"),
    path("desk/messages/", views.unsent, name="unsent"),
    path("desk/messages/<int:pk>/send-again/", views.send_again, name="send_again"),
    path("gateway/sms/reports/", views.delivery_report, name="delivery_report"),
    path("demo/phone/", views.demo_phone, name="demo_phone"),
]
