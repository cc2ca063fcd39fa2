"""The project package and kernel: everything that knows no application."""

from .celery import app as celery_app

__all__ = ["celery_app"]
