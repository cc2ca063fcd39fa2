"""Sessions in the database, read by a prepared query: every request of a signed-in person begins with this look-up."""

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.prepared import Prepared

_by_key: Prepared[Session] = Prepared(lambda key: Session.objects.filter(session_key=key), str)


class SessionStore(DatabaseSessions):
    """Django's own sessions in the database but for the look-up."""

    def _get_session_from_db(self) -> Session | None:
        found = _by_key(self.session_key) if self.session_key else []
        if found and found[0].expire_date > timezone.now():
            return found[0]
        self._session_key = None
        return None
