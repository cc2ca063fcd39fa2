"""Transactional tests leave an empty log behind, although nobody may delete from it."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection

from portal.audit import record
from portal.audit.models import AuditEntry
from portal.people.actors import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("round_number", [1, 2])
def test_flush_between_transactional_tests_passes_the_triggers(round_number):
    assert not AuditEntry.objects.exists()
    record("a", SYSTEM)
    call_command("flush", interactive=False, verbosity=0)
    assert not AuditEntry.objects.exists()
    record("b", SYSTEM)
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditentry")
