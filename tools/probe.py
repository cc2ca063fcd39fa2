"""Asks this container's portal whether it is ready; used by the health check of docker-compose.yml."""

import os
import urllib.request

PORT = os.environ.get("PORT", "8000")
HOST = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0]

request = urllib.request.Request(f"http://127.0.0.1:{PORT}/readyz", headers={"Host": HOST})
with urllib.request.urlopen(request, timeout=5):
    pass
