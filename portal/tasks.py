"""Housekeeping that belongs to no app; safe to run twice."""

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal import broker


@shared_task
def clean_up() -> None:
    """Removes sessions that are over and files that killed processes left in the embedded broker."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    broker.tidy(settings.VAR_DIR / "broker")
