"""PostgreSQL: a kept connection proves itself without a question, and statements are planned once in it."""

import pytest
from django.db import connection
from django.db.models import Value

from portal.people.models import User
from portal.prepared import PreparedRows
from tests.people_cast import make_staff

pytestmark = pytest.mark.django_db


def rows_of(username):
    return User.objects.filter(username=username).annotate(kind=Value("50%")).values_list("pk", "kind")


def test_statements_are_prepared_once_and_take_new_values():
    """PERFORMANCE goal 9: the second call only names the statement; what is the same in every call stands in it."""
    one, other = (
        make_staff("zhao", "clerk", "450302001", office_kind="service_point"),
        make_staff("q'%s", "cashier", "450300"),
    )
    prepared = PreparedRows(rows_of, str)
    for user in (one, other, one):
        assert prepared(user.username) == [(user.pk, "50%")]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%50\\%%%%'")
            assert cursor.fetchone() == (1,)


def test_a_silent_connection_is_not_asked(monkeypatch):
    """REL-F2: asked is only after an error, after a pause, or when the server closed the connection."""
    if connection.vendor != "postgresql":
        assert connection.is_usable()
        return
    connection.ensure_connection()
    assert connection.is_usable()
    asked = []
    monkeypatch.setattr(
        "django.db.backends.postgresql.base.DatabaseWrapper.is_usable", lambda self: asked.append(1) or True
    )
    assert connection.is_usable()
    assert asked == []
    connection.errors_occurred = True
    assert connection.is_usable()
    connection.errors_occurred = False
    connection.used_at -= 3600
    assert connection.is_usable()
    assert len(asked) == 2
    copied = connection.copy()
    copied.connect()
    copied.is_usable()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 20000)", [copied.connection.info.backend_pid])
    monkeypatch.undo()
    assert not copied.is_usable()
    copied.close()
