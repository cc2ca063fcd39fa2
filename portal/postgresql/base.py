"""The database backend of a production portal.

Django asks a kept connection `SELECT 1` before the first statement of each request. A server that went away has closed
the connection, though, and a closed one shows at the socket without asking.
"""

import select
import time

from django.db.backends.postgresql import base

ASK_AFTER_SECONDS = 30
"""A connection unused for so long is asked all the same: something between may have forgotten it silently."""


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that proves itself by silence while it is in use."""

    used_at = 0.0

    def is_usable(self) -> bool:
        """Whether the connection works; asks after an error, after a pause, and when something waits to be read."""
        now = time.monotonic()
        recent, self.used_at = now - self.used_at < ASK_AFTER_SECONDS, now
        if recent and self.connection is not None and not self.errors_occurred and self._is_silent():
            return True
        return bool(super().is_usable())

    def _is_silent(self) -> bool:
        """Whether the connection is open and the server sent nothing unasked, such as its farewell."""
        if self.connection.closed:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN | select.POLLPRI)
        return not waiting.poll(0)
