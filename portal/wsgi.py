"""The WSGI entry point of the portal."""

import gc
import os

from celery import current_app
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()

# A web process only publishes: it never waits at the broker for work, and a resident waits while it asks.
if "socket_timeout" in current_app.conf.broker_transport_options:
    current_app.conf.broker_transport_options |= {"socket_timeout": 1, "socket_connect_timeout": 1}

# What is loaded by now stays for the life of the process: the collector need not walk through it again and again.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
