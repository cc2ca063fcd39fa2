"""The WSGI entry point of the portal."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()

# What is loaded by now stays for the life of the process: the collector need not walk through it again and again.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
